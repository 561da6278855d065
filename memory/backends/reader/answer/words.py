"""Words in the form in which a question and a statement share them: "met" is "meet", "mum's" is "mum"."""

from __future__ import annotations

import re

from hypernet.overlap import stem

TOKEN = re.compile(r"[$€£]?[^\W_](?:[^\s,;:!?()\[\]{}\"“”<>*]*[^\W_])?%?|[^\w\s]")
_SUFFIX = re.compile(r"(?:n['’]t|['’](?:s|m|re|ve|ll|d)|['’])$")
_ALIKE = (
    *("weigh weighs weighed weight",),
    *("meet met", "buy bought", "lead led leads leader", "run ran", "fly flew flies flying", "leave left"),
    *("take took taken", "drive drove", "go went", "give gave given", "send sent", "pay paid", "keep kept"),
    *("hide hid hidden", "lend lent", "teach taught", "write wrote written", "break broke broken"),
    *("choose chose chosen", "speak spoke", "grow grew", "eat ate", "sleep slept", "win won", "lose lost"),
    *("sell sold", "tell told", "steal stole stolen", "start starts begin begins began", "come came"),
    *("see saw seen", "marry married marries", "study studied studies", "spend spent", "wear wore"),
    *("ride rode", "swim swam", "sing sang", "hang hung hangs", "stand stood", "feel felt", "fall fell"),
    *("kid kids child children", "mum mom mother mums", "dad father", "email e-mail mail", "find found"),
    *("phone mobile cell telephone", "colour color", "favourite favorite", "flat apartment", "think thought"),
    *("price cost costs", "work job profession occupation works", "live lives living reside", "hold held"),
    *("carry carries", "bike bicycle", "wifi wi-fi wlan internet", "medicine meds medication", "make made"),
    *(
        "feed fed",
        "bring brought",
        "catch caught",
        "forget forgot forgotten",
        "wake woke",
        "drink drank drunk",
    ),
    *(
        "become became",
        "bite bit bitten",
        "hear heard",
        "mean meant",
        "shoot shot",
        "stick stuck",
        "tear tore",
    ),
    *("understand understood", "bend bent", "freeze froze frozen", "lay laid", "rise rose", "strike struck"),
    *("shine shone", "swear swore sworn", "sweep swept", "fight fought", "dig dug", "blow blew", "ring rang"),
    *("learn learnt", "build built", "draw drew drawn", "throw threw", "know knew known", "say said"),
)
_NORMAL = {word: forms.split()[0] for forms in _ALIKE for word in forms.split()}
_NORMAL |= {stem(word): normal for word, normal in _NORMAL.items()}
_EMPTY = frozenset(
    ("a", "an", "the", "of", "is", "are", "was", "were", "am", "be", "been", "being", "do", "does", "did",
     "has", "have", "had", "having", "can", "could", "will", "would", "should", "shall", "may", "might",
     "i", "me", "my", "mine", "we", "us", "our", "ours", "you", "your", "he", "him", "his", "she", "her",
     "it", "its", "they", "them", "their", "this", "that", "these", "those", "there", "here", "in", "on",
     "at", "to", "must",
     "for", "from", "with", "by", "about", "as", "into", "and", "or", "but", "so", "what", "which", "who",
     "whom", "whose", "where", "when", "how", "why", "again", "please", "now", "currently", "exactly",
     "usually", "right", "get", "got", "go", "s", "thing", "stuff", "something", "anything", "one", "not",
     "no", "also", "too", "still", "just", "really", "nice", "great", "lovely", "cool", "ok", "ever", "all",
     "any", "some", "if", "supposed", "need", "new", "old", "own")
)  # fmt: skip
# What a statement says besides, in words of its own.
_SAYS = tuple(
    (_NORMAL.get(word) or stem(word), re.compile(pattern, re.IGNORECASE))
    for word, pattern in (
        ("live", r"\b(?:moved|relocated)(?: house| away| back)?(?: from [\w ]{1,30})? to (?-i:[^\W\d_a-z])"),
        ("live", r"\bmoved in(?:to| with)\b"),
        ("live", r"\bI(?:['’]m| am) (?:based|settled) in\b|\bmy home is in\b"),
        ("work", r"\b(?:started|employed|got a job|hired) (?:at|by)\b"),
        ("name", r"\b(?:I['’]m|I am|this is|call me|everyone calls me) (?-i:[^\W\d_a-z])"),
        ("marry", r"\bwedding\b"),
        ("wedding", r"\bmarried\b"),
        ("birthday", r"\bI was born on\b"),
    )
)


def normal(word: str) -> str:
    """A word in the form that it has here."""
    bare = _SUFFIX.sub("", word.casefold()).strip(".'’")
    return _NORMAL.get(bare) or _NORMAL.get(stem(bare)) or stem(bare)


def normals(text: str) -> frozenset[str]:
    """All words of a text, and what it says in words of its own."""
    own = frozenset(normal(word) for word in TOKEN.findall(text) if word[-1:].isalnum())
    return own | {word for word, pattern in _SAYS if pattern.search(text)}


def content(text: str) -> frozenset[str]:
    """The words of a text that name something."""
    return frozenset(normal(word) for word in TOKEN.findall(text) if word[-1:].isalnum() and not _empty(word))


def places(text: str, words: frozenset[str]) -> list[tuple[int, int]]:
    """Where these words stand in a text, in order."""
    own = [found.span() for found in TOKEN.finditer(text) if normal(found[0]) in words]
    said = (found.span() for word, pattern in _SAYS if word in words for found in pattern.finditer(text))
    return sorted([*own, *((start, end - 1) for start, end in said)])


def _empty(word: str) -> bool:
    return _SUFFIX.sub("", word.casefold()) in _EMPTY
