"""Adapters: LoRA factors as a value, applied to a model, packed for storage, exported to PEFT."""
