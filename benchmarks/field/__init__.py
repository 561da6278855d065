"""Benchmarks that the field knows, by one harness.

corpus      what was told and what is asked: the form that every corpus is read into
recalling   is what a question needs among what is recalled as text?
answering   who answers, from what: weights, recalled text, the full context, nothing
scoring     token F1, values found, refusals
command     options, progress bar and tables of `python -m benchmarks.locomo`, `.needles` and `.sgd`
"""
