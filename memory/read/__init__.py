"""The read path: turn, selection, merge, reply."""
