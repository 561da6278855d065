"""Checkpoints: published and own layouts, found by name, read without running their code."""
