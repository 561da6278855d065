"""Blob stores: adapters as content-addressed bytes."""
