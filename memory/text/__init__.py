"""What a text says: sentences, and who says them. Pure functions."""
