"""Adapt: PACE takes a pretrained backbone through sessions of new classes (torch).

Read in this order. Clips: data, sessions, groups, loading, rooms. Backbones: frontend, backbone (the contract),
weights_file; whisper, eat, yamnet, voice; weights and hub fetch what is published; backbones names them all. The
machine: device, processes, seeds, store, watch, machine; inputs is what the first adapted block reads.

The method: settings; lora, subspace, cka; boundary, near_boundary; stage (one stage of training), first_session, grain
(whether there is anything to adapt); products, statistics, gamma; pace (all of it, session by session), unfinished.
Then what is left of a run: adapter_file, checkpoint; measures, markdown, figures, report; run.

The starter model, which adapts nothing: whitening, fit, starter.
"""
