"""What of a text stands: not what it denies, supposes, wishes, plans, quotes or makes up.

    "I'm not allergic to peanuts, but I am allergic to shellfish."    I am allergic to shellfish.
    "My dog is not called Rex, it's called Biscuit."                  My dog is called Biscuit.
    "I don't live in Berlin."                                         nothing

Such a statement answers only a turn that is put in the same way: "What don't I eat?", "Where would I live?"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from memory.text.sentences import sentences

_FLAGS = re.IGNORECASE | re.VERBOSE
_THOUGHT = r"(?:thinks?|thought|believes?|believed|claims?|claimed|joked|guessed)"
_SPOKEN = rf"(?:said|says|say|told\ \w+|swears|insists|asked|{_THOUGHT})"
# How a statement may be put that does not stand. What cancels the word is looked at first.
_CUES = {
    "denied": r"""\b(?:not|cannot|never|no\ longer|neither|nor|nobody|no\ one|none|used\ to)\b
        |\bhardly\b|\bfell\ through\b|n['’]t\b|\bany\ ?more\b
        |\b(?:turned|turn)\ (?:it|them|that)?\ ?down\b""",
    "supposed": r"""(?:^|[,;]\s)(?:if|unless|suppose|supposing|imagine|assuming|what\ if|pretend
        |let['’]?s\ say)\b
        |\b(?:would\ have|could\ have|might|maybe|perhaps|possibly|almost|nearly)\b""",
    "wished": r"""\b(?:wish|wished|hope\ to|hoping\ to|want\ to|wanted\ to|dream\ of|would\ (?:love|like)\ to
        |['’]d\ (?:love|like)\ to|someday|one\ day)\b""",
    "planned": r"""\b(?:was|were)\ (?:going|about|planning|supposed|meant)\ to\b
        |\b(?:am|are|['’]m|['’]re)\ (?:planning|thinking\ (?:of|about)|considering)\b""",
    "fictional": r"""\b(?:in|from)\ (?:the|my|our|a|this|his|her)\ (?:\w+\ )?(?:novel|film|movie|book|story
        |game|dream|play|series|show|fantasy)\b|\b(?:dreamt|dreamed)\b
        |\b(?:just\ kidding|only\ joking|role[\ -]?play)\b""",
    "quoted": rf"""\b{_SPOKEN}(?:\ that)?[,:]?\ ["“'‘](?:I|my|we|our)\b
        |\b(?!i\b|we\b)\w+\ {_THOUGHT}\ (?:that\ )?(?:I|my|we|our)\b""",
}
_PATTERNS = {kind: re.compile(pattern, _FLAGS) for kind, pattern in _CUES.items()}
# Words of denial that deny nothing.
_AFFIRMED = re.compile(
    r"""\bnot\ only\b|\bcan(?:no|['’])t\ (?:stand|wait|stop|help|complain|believe)\b
    |\b(?:why|if|whether\ or)\ not\b
    |\b(?:do\ not|don['’]?t)\ (?:forget|worry|mind|know\ if)\b|\bnot\ (?:until|far|too\ bad|bad|sure)\b
    |\b(?:does|do|did|is|are|wo)n['’]t\ [^.,;]{1,40}\ (?:until|till)\b|\bno\ longer\ than\b
    |\b(?:nobody|no\ one|none|not|n['’]t|never)\b[^.;]{1,60}?\b(?:except|but|only|apart\ from)\b
      (?!\ (?:i|he|she|it|we)\b)
    |\bfrom\ now\ on\ .*""",
    _FLAGS,
)
_ASKED = {
    "denied": re.compile(
        r"n['’]t\b|\b(?:not|never|no\ longer|used\ to|did|before|avoid|former\w*)\b", _FLAGS
    ),
    "supposed": re.compile(r"\b(?:if|would|might|could|maybe|almost|nearly)\b", _FLAGS),
    "wished": re.compile(r"\b(?:wish|want|would|hope|dream\w*|like)\b", _FLAGS),
    "planned": re.compile(r"\b(?:plan\w*|going|thinking|consider\w*|intend\w*|was|were)\b", _FLAGS),
    "fictional": re.compile(
        r"\b(?:novel|film|movie|book|story|game|dream\w*|play|series|show|hero)\b", _FLAGS
    ),
    "quoted": re.compile(rf"\b(?:{_SPOKEN}|think|say|claim|believe)\b", _FLAGS),
}
_LONGEST = 1000  # characters of a sentence that is put another way
_FULL = {"'m": "am", "'s": "is", "'re": "are"}
_BE = r"(?P<be>is|are|am|was|were|['’]m|['’]s|['’]re)"
# "X is not A, it is B", "X isn't A but B": X is B.
_INSTEAD = re.compile(
    rf"""(?P<subject>[^,;]+?)\ ?{_BE}(?:n['’]t|\ not|\ no\ longer)\ (?P<denied>[^,;]+?)(?:\ any\ ?more)?
    (?:,?\ but(?:\ rather)?\ (?!(?:i|we|my|our|he|she|they|it)\b)
      |[,;]\ (?:but\ )?(?:it|he|she|they|that|i|we)(?:['’](?:s|m|re)|\ is|\ are|\ am|\ was)\ )
    (?P<rest>.+)""",
    _FLAGS,
)
# "We no longer meet in room 4 but in room 7."
_NO_LONGER = re.compile(
    r"""(?P<who>[^,;]+?)\ (?:no\ longer|don['’]t|do\ not)\ (?P<verb>\w+)\ [^,;]+?,?\ but
    \ (?P<rest>(?:in|at|on|for|to|from|with)\ .+)""",
    _FLAGS,
)
# "The party won't be at ours but at the hall."
_WILL = re.compile(
    r"""(?P<who>[^,;]+?)\ (?:won['’]t|will\ not)\ be\ [^,;]+?,?\ but\ (?:rather\ )?
    (?P<rest>(?!(?:i|we|it|he|she)\b).+)""",
    _FLAGS,
)
_SUBJECT = re.compile(
    r"((?:my|our|the)\s[\w'’ -]{1,30}?|[A-Z][\w'’-]+)\s+(?:no\ longer|does|doesn|isn|is|won|did|can)\b",
    _FLAGS,
)
# "I don't drink coffee, only tea."
_BUT_ONLY = re.compile(
    r"""(?P<who>[^,;]+?)\ (?:don['’]t|do\ not|doesn['’]t|does\ not)
    \ (?P<verb>\w+)\ [^,;]+,\ (?:but\ )?(?:only|just)\ (?P<rest>\w.+)""",
    _FLAGS,
)
# "I haven't been to Peru, only to Chile."
_ONLY = re.compile(
    r"""(?P<been>[^,;]+?\ (?:have|has|had|is|are|was|were))(?:n['’]t|\ not)\ (?P<verb>\w+)
    \ [^,;]+,\ (?:but\ )?only\ (?P<rest>.+)""",
    _FLAGS,
)
_JOINT = re.compile(
    r"[,;]\s+(?:(?:but|and|so|instead|though|however)\s+)?|\s+but\s+(?=(?:i|we|my|our|he|she|they|it)\b)"
    r"|\s+(?:but|and)\s+(?=(?:now|these days|nowadays|today)\s+(?:i|we|my|our|he|she|they|it)\b)",
    re.IGNORECASE,
)
# A clause of its own that begins a sentence, and what only adds to one: "4.30pm", "room B207".
_FIRST = re.compile(
    r"""(?:(?:actually|well|so|yeah|oh|ok|hey|btw|no),?\ )*
      (?:i|we|he|she|they|it|you|my|our|his|her|their|the)\b
    |[^,;]{1,60}?(?:\b(?:is|are|was|were|has|have|had|goes|takes|gets|lives|works|likes|loves|hates)\b
      |['’](?:s|m|re|ve)\ |\ (?!used\b)\w{2,}ed\b)""",
    _FLAGS,
)
_DETAIL = re.compile(r"(?:(?:at|on|in|from|room|gate)\ )?[^,;]{0,20}\d[^,;]{0,12}", _FLAGS)
_COMES_OF = re.compile(r"\b(?:so|but|instead)\b", _FLAGS)
_VERB = re.compile(
    r"""(?:(?:now|these\ days|nowadays|today|currently)\ )?
    (?:i|we|he|she|they|it|you|my|our|his|her|their|the|only|just|please)\b|(?:call|use|give|send|meet|take|ask|try
    |put|bring|buy|make|keep|write|come|go)\b""",
    _FLAGS,
)


def put_as(text: str) -> set[str]:
    """In which ways a sentence is put so that it does not stand; none where it stands."""
    plain = _AFFIRMED.sub(" ", text)
    return {kind for kind, pattern in _PATTERNS.items() if pattern.search(plain)}


def asked_for(kinds: set[str], turn: str) -> bool:
    """Whether a turn is put in one of these ways itself."""
    return any(_ASKED[kind].search(turn) for kind in kinds)


def stands(text: str) -> str:
    """The sentences and clauses of a text without labels that stand, line by line; "" where none does."""
    if not put_as(text):
        return text
    return " ".join(part for sentence in sentences(text) for part in _standing(sentence))


def beside_denial(text: str) -> list[str]:
    """The clauses beside denied ones: "Ella changed it" of "the PIN isn't 4471 now, Ella changed it".

    None of a text that is put in another way, or is too long to be read clause by clause.
    """
    if put_as(text) != {"denied"} or len(text) > _LONGEST:
        return []
    return [part for sentence in sentences(text) for part in clauses_of(sentence) if not put_as(part)]


def _standing(sentence: str) -> Iterator[str]:
    kinds = put_as(sentence)
    if not kinds:
        yield sentence
        return
    if (
        len(sentence) > _LONGEST
    ):  # nobody denies at such length, and each pattern looks through all of it again
        return
    instead = _INSTEAD.fullmatch(sentence)
    if instead and kinds == {"denied"}:
        be = _FULL.get(instead["be"].replace("’", "'"), instead["be"])
        rest = _before(instead["denied"], instead["rest"]) + instead["rest"]
        yield f"{instead['subject'].rstrip()} {be} {rest}"
        return
    other = _NO_LONGER.fullmatch(sentence)
    if other:
        yield f"{other['who']} {other['verb']} {other['rest']}"
        return
    will = _WILL.fullmatch(sentence)
    if will:
        yield f"{will['who']} will be {will['rest']}"
        return
    but = _BUT_ONLY.fullmatch(sentence)
    if but:
        third = "s" if "does" in sentence and not but["verb"].endswith("s") else ""
        yield f"{but['who']} {but['verb']}{third} only {but['rest']}"
        return
    only = _ONLY.fullmatch(sentence)
    if only:
        yield f"{only['been']} {only['verb']} only {only['rest']}"
        return
    if kinds - {"denied", "planned", "wished"}:
        return  # a supposition goes on behind its comma
    joined = _clauses(sentence)
    parts = [part for _, part in joined]
    kept = _kept(joined, turned=kinds != {"denied"})
    if kept and len(kept) < len(parts):
        said = ", ".join(kept)
        who = _SUBJECT.match(sentence)
        if who and parts[0] not in kept:
            said = re.sub(r"^(?:he|she|it|they)\b(?!['’])", lambda _: who[1], said, flags=re.IGNORECASE)
        yield said[:1].upper() + said[1:] + ("" if said.endswith((".", "!", "?")) else ".")


def clauses_of(sentence: str) -> list[str]:
    """The clauses of a sentence."""
    return [part for _, part in _clauses(sentence)]


def _clauses(sentence: str) -> list[tuple[str, str]]:
    """The clauses of a sentence, each with the words that join it to the one before."""
    joints = [(0, 0), *(found.span() for found in _JOINT.finditer(sentence)), (len(sentence), 0)]
    joined = [
        (sentence[start:end], sentence[end:following]) for (start, end), (following, _) in pairwise(joints)
    ]
    return [(joint, part) for joint, part in joined if part]


def _kept(joined: Sequence[tuple[str, str]], *, turned: bool) -> list[str]:
    """The clauses that stand; of a plan or a wish only what comes of it: "..., so it's Crete now"."""
    kept: list[str] = []
    standing = False
    for place, (joint, part) in enumerate(joined):
        told = _VERB.match(part) is not None
        first = place == 0 and _FIRST.match(part) is not None
        goes_on = standing and place > 0 and _DETAIL.fullmatch(part) is not None
        comes_of = not turned or _COMES_OF.search(joint) is not None or goes_on
        standing = not put_as(part) and comes_of and (told or first or goes_on)
        if standing:
            kept.append(part)
    return kept


def _before(denied: str, rest: str) -> str:
    """What the denied half has before the word that the rest begins with: "coming" of "coming on Friday"."""
    found = re.match(rf"(.+?\s){re.escape(rest.split()[0])}\s", denied)
    return found[1] if found else ""
