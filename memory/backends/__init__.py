"""Backends: what fills the ports. Each is chosen in bootstrap and known to nobody else."""
