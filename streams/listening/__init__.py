"""From sound to what is heard: the loop, and the model in it.

Read in this order: windows, gate, encoder; household (what has a name untaught); event_rule, edges (where in a window a
sound is), events, rates (what other thresholds would announce); counters and notices; learner (a model that keeps up
with its journal), memory; options; ears (a model at work), stream (one source's sound), listener (the loop), listen (in
one call); classify (a clip without a stream).
"""
