"""Training a patch encoder, so that a base model sees."""
