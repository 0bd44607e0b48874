"""Listen and learn, without torch.

heard.py is what a listener reports, words.py how it speaks. A room imports only those before it: sources,
configuration, listening, teaching, sinks, web, service. bench.py measures what all that costs.
"""
