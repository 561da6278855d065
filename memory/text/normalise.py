"""Normalisation for models and the index: the same words in the same characters, however they were typed.

    characters   compatibility forms, quotes, dashes, invisible characters, emoji, spaces, soft line breaks
    plain        that, and lower case where a sentence is in CAPITALS or In Title Case

Both sides go through it, what is told and what is asked. The text itself is kept as it was typed.
"""

from __future__ import annotations

import re
import unicodedata

# Of Unicode's compatibility forms those that only look different: full width, ligatures, typefaces, no-break
# spaces, Arabic letters by position. Not superscripts, fractions and circled digits: m² is no m2.
_LOOKS = ("<wide>", "<narrow>", "<font>", "<noBreak>", "<initial>", "<medial>", "<final>", "<isolated>")
_LIGATURES = range(0xFB00, 0xFB07)
_QUOTES = dict.fromkeys(map(ord, "‘’‚‛ʼ′´`＇"), "'") | dict.fromkeys(map(ord, "“”„‟«»″＂"), '"')
_DASHES = dict.fromkeys(map(ord, "‐‑‒–−﹣－"), "-")
_JOINERS = "\u200c\u200d"  # part of the spelling between letters of some scripts; elsewhere invisible
_EMOJI = re.compile(
    "[\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\ufe00-\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f]"
    "\u200d?"
)
_LINE = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile(r"[^\S\n]+")
_LONG_DASH = re.compile(r"\s?—\s?")
_MARKS = re.compile(r"([!?])[!?]+")
_STRAY = re.compile(r" (?=[!?](?:[!?\s]|$))")

# What cannot end a sentence, and what begins another one though it is in lower case.
_OPEN = re.compile(
    r"(?:,|\b(?:a|an|the|my|our|your|his|her|their|its|this|that|is|are|was|were|be|am|has|have|had|of|in|on"
    r"|at|to|for|from|with|by|and|or|but|as|than|called|named|not|no|very|i|we|he|she|they))$",
    re.IGNORECASE,
)
_BEGINS = re.compile(r"(?:i|we|you|he|she|it|they|my|our|your|his|her|their|the|this|that|a|an)\b")
_WRAPPED = 50  # characters of a line from which on its end is where it was full
_NAMES_A_VALUE = re.compile(r"[\w .'()/-]{1,40}[:=]\s*\S")

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_SMALL = frozenset(
    ("a", "an", "the", "is", "are", "was", "were", "am", "be", "do", "does", "did", "has", "have", "had",
     "my", "our", "your", "his", "her", "their", "its", "of", "in", "on", "at", "to", "for", "from", "with",
     "by", "and", "or", "but", "what", "who", "where", "when", "which", "how", "why", "i", "we", "he", "she",
     "they", "it", "called", "named", "not")
)  # fmt: skip
_I = re.compile(r"\bi(?=\b(?!-))")


def plain(text: str) -> str:
    """What models read of a text. Linear in its length."""
    return "\n".join(_lowered(line) for line in characters(text).split("\n"))


def characters(text: str) -> str:
    """The text in its usual characters, with its case kept."""
    if text.isascii() and "  " not in text and not any(c in text for c in "\n\r\t!?`\x0b\x0c"):
        return text.strip()
    folded = unicodedata.normalize("NFC", "".join(map(_usual, text)))
    folded = _LONG_DASH.sub(" - ", folded.translate(_QUOTES).translate(_DASHES))
    folded = _visible(_EMOJI.sub(" ", folded))
    lines = [_SPACES.sub(" ", line).strip() for line in _LINE.sub("\n", folded).split("\n")]
    return _MARKS.sub(r"\1", _STRAY.sub("", _joined(lines))).strip()


def soft_break(before: str, after: str) -> bool:
    """Whether a line goes on in the next: it was broken for its length, and not because a sentence ended."""
    before, after = before.rstrip(), after.lstrip()
    if not before or not after or (not before[-1].isalnum() and before[-1] not in ",'\")"):
        return False
    if not after[0].isalnum() or _NAMES_A_VALUE.match(after) or _NAMES_A_VALUE.match(before):
        return False
    if _OPEN.search(before[-12:]):
        return True
    return after[0].islower() and (len(before) >= _WRAPPED or not _BEGINS.match(after))


def _usual(character: str) -> str:
    if character < "\x80":
        return character
    looks = unicodedata.decomposition(character).startswith(_LOOKS)
    return unicodedata.normalize("NFKC", character) if looks or ord(character) in _LIGATURES else character


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    kept = []
    for place, character in enumerate(text):
        if unicodedata.category(character) in ("Cf", "Cc") and character not in "\n\r\t\x0b\x0c\x85":
            spelling = character in _JOINERS and text[place - 1 : place].isalpha() and place > 0
            if not spelling or text[place - 1].isascii():
                continue
        kept.append(character)
    return "".join(kept)


def _joined(lines: list[str]) -> str:
    joined = lines[:1]
    before = joined[0] if joined else ""  # the line alone, so that a long text takes linear time
    for line in lines[1:]:
        if soft_break(before, line):
            joined.append(f" {line}")
        else:
            joined.append(f"\n{line}")
        before = line
    return "".join(joined)


def _lowered(line: str) -> str:
    """The line in lower case but for its beginning, where its capitals say nothing."""
    label = re.match(r"(?:User|Assistant): ", line)
    said = line[label.end() :] if label else line
    if not (_capitals(said) or _title_case(said)):
        return line
    lower = _WORD.sub(lambda word: word[0] if _code(said, word) else word[0].lower(), said)
    lower = _I.sub("I", lower)
    return (label[0] if label else "") + lower[:1].upper() + lower[1:]


def _capitals(said: str) -> bool:
    return said.isupper() and any(word.lower() in _SMALL for word in _WORD.findall(said))


def _title_case(said: str) -> bool:
    words = _WORD.findall(said)
    small = sum(word.lower() in _SMALL for word in words[1:])
    return len(words) >= 4 and small >= 2 and all(word[0].isupper() for word in words)


def _code(said: str, word: re.Match[str]) -> bool:
    """Whether a word is part of what has digits in it: a plate, a gate, a flight."""
    return (
        said[word.end() : word.end() + 1].isdigit() or said[max(0, word.start() - 1) : word.start()].isdigit()
    )
