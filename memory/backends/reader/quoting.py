"""What somebody named in a text says of himself, said of him by name, as adapters hold it.

    Ana: I live in Bonn with my dog.      Ana lives in Bonn with Ana's dog.

Left as it is, an adapter could not tell it from what its teller says: "I" is who asks. The text itself is
kept word for word.
"""

from __future__ import annotations

import re

_VERBS = {"am": "is", "have": "has", "do": "does", "don't": "doesn't", "haven't": "hasn't", "go": "goes"} | {
    verb: verb + "s"
    for verb in (
        *(
            "live",
            "work",
            "like",
            "love",
            "hate",
            "need",
            "want",
            "drive",
            "eat",
            "drink",
            "play",
            "own",
            "use",
        ),
        *(
            "prefer",
            "speak",
            "know",
            "think",
            "take",
            "wear",
            "keep",
            "sleep",
            "run",
            "swim",
            "collect",
            "cook",
        ),
    )
}
_SELF = re.compile(
    rf"""\bI['’](?P<short>m|ve|ll)\b|\bI\s(?P<verb>{"|".join(_VERBS).replace("'", "['’]")})\b
    |\bam\sI\b|\b(?P<whose>my|mine)\b|\b(?:I|me|myself)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_SHORT = {"m": "is", "ve": "has", "ll": "will"}


def reported(text: str, name: str) -> str:
    """The text with the name in place of "I", "me" and "my"; verbs that are not known stay as they are."""

    def by_name(found: re.Match[str]) -> str:
        if found["short"]:
            return f"{name} {_SHORT[found['short'].lower()]}"
        if found["verb"]:
            return f"{name} {_VERBS[found['verb'].lower().replace('’', chr(39))]}"
        if found["whose"]:
            return f"{name}'s"
        return f"is {name}" if " " in found[0] else name

    return _SELF.sub(by_name, text)
