"""Training data: examples read from files, texts with tasks and styles."""
