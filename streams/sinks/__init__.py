"""Where what a listener reports goes: the terminal, files, a history, other machines.

Read in this order: sink (the contract), together (all of them as one), reports (words about trouble); lines; live with
picture and drawing; then what stays here: backlog, event_file with event_formats, database, history, clips; then what
goes to receivers that may be away: outbox, courier, remote, secrets, webhook, mqtt with broker and home_assistant;
command; then what others ask for: metrics.
"""
