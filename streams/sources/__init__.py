"""Where sound comes from: recordings, standard input, microphones, the network.

Read in this order: source (the contract, and which source a person's words mean); recorded (when a recording was made),
files, arrays, standard_input; devices and capture, in a process of its own, with recorder, its listening end; watchdog,
news and watched, by which a live source comes back; microphone, network; then more than one: several, switching.
"""
