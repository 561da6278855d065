"""Backbones: base models, context encoders and text embedders, their chat templates and their windows."""
