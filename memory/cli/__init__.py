"""The `memory` command. One module a group of verbs; nothing heavy is imported before a verb needs it."""

from memory.cli.app import main

__all__ = ["main"]
