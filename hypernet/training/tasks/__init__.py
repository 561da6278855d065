"""Text-to-LoRA for a frozen base, trained on descriptions of tasks."""
