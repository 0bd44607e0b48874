"""What a person does to a model's journal, and what a person can know of it.

Read in this order: effect (what a change did to other classes), confusion (what else would be announced as a class),
lesson; sounds (where in the last minute), just_heard (which of them is meant), material (may it be taught, and was it
before), recordings, label_tables and clip_folder (what of files is taught); change, teach; relearn (the same for a new
backbone); then what is only read: rates (how often a class is announced here), labels, examples, review.
"""
