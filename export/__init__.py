"""Export: one self-contained model file, which learns wherever ONNX runs (torch).

Read in this order: learning_rule, read_out, compact, onnx_file (an embedder and a classifier become a graph),
starter_graph (an embedder with parts that run only where they are asked for); calibrate, draft, quantise, half, parity,
provenance, sample, write; checkpoint (from what `adapt` left), bake (with what a device learned).
"""
