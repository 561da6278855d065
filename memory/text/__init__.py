"""What a text says: sentences, speakers, claims and the questions that it answers. Knows no storage and no model."""
