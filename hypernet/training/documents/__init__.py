"""Doc-to-LoRA for a frozen base, trained on texts with questions."""
