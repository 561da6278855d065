"""Upkeep: compaction, erasure, export and import."""
