"""vLLM as the base model: each turn is answered under its own merged adapter, which vLLM finds by name.

    turn's adapters -> exact sum -> rank padded to one that vLLM takes -> a folder named by its content
    -> vLLM is asked for a model of that name, and its resolver plug-in (`resolver`) finds the folder
    -> after the last turn with it, vLLM is told to let go of it, and the folder is gone

A name is never used for anything else, so that neither a prefix cache nor a reload can bring back another
adapter under it. Written after vLLM's documentation and tested against a stand-in that behaves as documented:
vLLM itself has not been run with it.
"""

from __future__ import annotations

from integrations.vllm.generator import VllmGenerator
from integrations.vllm.serving import from_environment

__all__ = ["VllmGenerator", "from_environment"]
