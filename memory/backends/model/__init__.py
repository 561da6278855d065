"""Models in this process: the embedder, and one engine that internalizes and generates."""
