"""What says by itself that something is another by now: "I quit Bosch", "they changed the gate to C4".

Such a statement stands in the place of an older one where it names the old value ("I sold the Volvo" beside
"I drive a Volvo."), or names what is asked for and nothing else ("the gate", "my new number").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypernet.overlap import stem
from memory.backends.reader.claim_patterns import ADDITION, SMALL

_FLAGS = re.IGNORECASE | re.VERBOSE
_FUNCTION = SMALL | frozenset(
    ("i", "me", "my", "we", "us", "our", "you", "your", "he", "him", "she", "they", "them", "who", "what",
     "which", "where", "when", "how", "whose", "be", "am", "been", "being", "have", "has", "had", "got",
     "get", "do", "does", "did", "can", "could", "will", "would", "should", "as", "by", "with", "from", "m",
     "ve", "re", "ll", "d", "t", "so", "but", "or", "now", "not", "no", "user", "assistant")
)  # fmt: skip
_WORD = re.compile(r"\w(?:[\w.:@/-]*\w)?")
ENDED = re.compile(
    r"""\b(?:fully\ booked|(?:migrated|transferred)\ from|axed|stolen|ended|shut|took\ \w+\ off
    |closed\ (?:her|his|its|their|the|our|my)|expired|discontinued
    |compromised|terminated|sabbatical|bankrupt|too\ expensive|handed\ [\w ]{0,20}over|moved\ (?:to|house)
    |scrap|(?:i|we|they)\ closed|out\ of|gone\ off|went\ (?:off|downhill|bust)|handed|taken\ out
    |emigrated|moved\ (?:abroad|on)|can['’]?t\ do|sacked|quit|left|leaving|sold|stopped
    |gave\ (?:up|away|notice|back)|broke\ up|split\ (?:up|from)|divorced|cancell?ed|retired|fired
    |resigned|returned|scrapped|replaced|swapped|traded|switched\ from|moved\ (?:out|away|from)
    |got\ rid\ of|lost|died|passed\ away|ditched|dropped|abandoned|finished\ with|done\ with|cut\ out
    |given\ up|handed\ back|let\ go\ of|no\ longer|any\ ?more|used\ to|instead\ of|rather\ than
    |out\ of\ business|full|gone|over|closed\ down|broke\ down|fell\ through|was\ wrong|isn['’]t|is\ not
    |are\ not|aren['’]t|not)\b""",
    _FLAGS,
)
CHANGED = re.compile(
    r"""\b(?:migrated|a\ different|repainted|dyed|slipped|reseated|transferred|turned
    |brought|has\ grown|made\ it|shifted|doubled|halved|tripled|down\ to|up\ to|engaged|started
    |took|now|nowadays|new
    |chang(?:e|ed|es)|moved|switched|swapped|replaced|instead|actually|correction|these\ days
    |from\ now\ on|since\ (?:yesterday|today|last|this)|as\ of|starting|effective|raised|lowered|cut
    |increased|reduced|extended|shortened|postponed|delayed|pushed|bumped|rescheduled|brought\ forward
    |upgraded|updated|renamed|reset|turned|joined|became|promoted|married|transferred|relocated|hired
    |bought|no\ longer|any\ ?more|since\ \d{1,2}\ \w+|took\ over|taken\ over|bec(?:ame|ome)|went\ (?:up|down)
    |gone\ (?:up|down)|dropped|rose|grew|forget|scratch|sorry|mistake|oops|i\ meant)\b""",
    _FLAGS,
)
_PHRASE = re.compile(  # what is named with an article or as somebody's, up to four words
    r"\b(?:my|our|the|a|an|his|her|their|its|new|changed|switched)\s(?=((?:[\w'’-]+\s?){1,4}))", re.IGNORECASE
)
_OTHER = re.compile(
    r"(?:^|[.!?]\s)(?-i:([A-Z][\w-]+))\s(?:[\w']+\s)?(?:quit|left|sold|stopped|gave|moved|lost|retired)\b"
)
_NOBODY = frozenset(("i", "we", "they", "he", "she", "it", "the", "my", "our", "you", "somebody", "someone"))


@dataclass(frozen=True, slots=True)
class News:
    """What a text says about change."""

    words: frozenset[str]  # all that name or count something, without endings
    phrases: tuple[tuple[str, ...], ...] = ()  # what it speaks of, each without small words
    adds: bool = False  # it holds beside what was told before
    ended: bool = False
    changed: bool = False
    others: frozenset[str] = frozenset()  # who did it, by name

    def replaces(self, older: News, turn: News) -> bool:
        """Whether it says itself that the older text, as far as the turn asks, is no longer so."""
        if self.adds or not (self.ended or self.changed) or not self.others <= older.words:
            return False
        named = older.words | turn.words
        if any(_covered(phrase, named, turn.words) for phrase in self.phrases):
            return True
        old_value = (self.words & older.words) - turn.words
        return self.ended and any(len(word) > 1 for word in old_value)

    def may_replace(self, turn: News) -> bool:
        """Whether it changes something that the turn asks for by a bare word: "grams for flour now"."""
        return self.about_nothing_else and bool(self.words & turn.words)

    @property
    def about_nothing_else(self) -> bool:
        """Whether it changes something, and names nothing but its value."""
        return self.changed and not self.adds and not self.phrases


def content(text: str) -> frozenset[str]:
    """The words that name or count something, without endings."""
    return frozenset(stem(word) for word in _WORD.findall(text.casefold()) if word not in _FUNCTION)


def news(text: str) -> News:
    """What a text says about change."""
    ended, changed = ENDED.search(text) is not None, CHANGED.search(text) is not None
    if not (ended or changed):
        return News(content(text), adds=ADDITION.search(text) is not None)
    phrases = (
        tuple(stem(word) for word in _WORD.findall(found[1].casefold()) if word not in _FUNCTION)
        for found in _PHRASE.finditer(text)
    )
    return News(
        content(text),
        tuple(phrase for phrase in phrases if phrase),
        ADDITION.search(text) is not None,
        ended,
        changed,
        frozenset(stem(name) for who in _OTHER.findall(text) if (name := who.casefold()) not in _NOBODY),
    )


def _covered(phrase: tuple[str, ...], named: frozenset[str], asked: frozenset[str]) -> bool:
    """Whether the phrase begins with what is asked for: "vet appointment" is no dentist's."""
    for word in phrase:
        if word not in named:
            return False
        if word in asked:
            return True
    return False
