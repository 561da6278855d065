"""What a text says: sentences, speakers, claims and the questions that it answers. Pure functions."""
