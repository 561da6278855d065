"""The write path: text, passages, adapters, stores."""
