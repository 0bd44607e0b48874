"""What a person does to a model's journal, and what a person can know of it.

Read in this order: effect (what a change did to the other classes), change; sounds (where in the last minute) and
just_heard (which of them is meant), recordings, label_tables and clip_folder (what of files is taught), lesson, teach;
relearn (the same for a new backbone); then what is only read: labels, examples, review.
"""
