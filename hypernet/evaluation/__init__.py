"""Held-out recall, measured so that it cannot flatter: trials, conditions, scores, tables and plots."""
