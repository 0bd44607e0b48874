"""What can be set about a listener, and where each setting comes from.

Read in this order: section (what a part of the settings is), source_settings, output_settings, settings (all of them);
toml_lines and wrong_settings, which find the place of a mistake; configure (flag, environment, page, file or default),
place (which model, journal and key), running (which
listeners use which), settings_file (the file as a person gets it).
"""
