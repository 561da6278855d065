"""Held-out recall evaluation: trials, conditions, scores, tables and plots."""
