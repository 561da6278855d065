"""The value that a text gives for a question, in the text's own words, where that is plain to see.

words      words in the form in which question and statement share them
asked      what a question asks for: what has to be told, and which kind of value answers
clauses    the clauses of a text, what each leans on, and of whom it is said
shapes     what values of each kind look like. Data only
extract    the value in a clause, by kind
replaced   the value in what says that something changed
given      all of it together: what texts give, and whether a reply may answer
"""
