"""The demonstration: a conversation and a document go into weights, and the answers come out of them."""

from memory.demo.demonstration import Answered, Demonstration, demonstrate

__all__ = ["Answered", "Demonstration", "demonstrate"]
