"""Trains the judge of pairs: an older and a newer statement -> both hold, it replaces, or says the same.

examples   pairs by hand, of the package's generators, and natural ones that go together
natural    facts of one text, which go together by construction
told       what people say after what they have said: written for this by a language model. Data only
model      low-rank changes of the reading model and three scores; encoding; the file that ships
pairs      the command
"""
