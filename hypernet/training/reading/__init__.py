"""Trains the reading model: a question and texts that were told -> the words that answer, or that none does.

examples   questions with the texts to read, from data files and the package's own generators
rivals     messages that compete for a question: a change, somebody else's value, a near thing
everyday   what people say, with questions: written for this by a language model. Data only
model      a BERT encoder with scores for where an answer begins and ends; encoding; the file that ships
reading    the command
"""
