"""A listener that runs for weeks.

Read in this order: opening (the sources that are set), outputs (the sinks that are set), signals, notify, reload, run
(all of it together); systemd writes the unit.
"""
