"""Two statements of one person: does the newer one supersede the older, and should it?

together   pairs that both hold. Data, written from life
changed    real changes, each with a question, the value that is right now and the one that no longer is
sets       the sets and their halves; facts of one text, which go together by construction
__main__   the command
"""
