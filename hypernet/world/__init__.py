"""The synthetic world: facts, people and conversations, with a training and a held-out half."""
