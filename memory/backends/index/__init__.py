"""Vector indexes: task embeddings, nearest first. A cache that can be rebuilt from SQL."""
