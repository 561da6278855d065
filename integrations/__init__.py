"""Edges to other systems: translation only, the work is done by `memory.Memory`."""
