"""Incremental detokenization."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_HALF = "\ufffd"  # what a decoder gives for the first bytes of a character whose others are to come


class TextStream:
    """Decodes a growing reply in pieces: never half a character, never a stop string or what follows it.

    The pieces together are the reply as a whole: no white space stands before or behind it, and a stop string
    is looked for behind its first character.
    """

    def __init__(self, decode: Callable[[list[int]], str], stop: Sequence[str] = ()) -> None:
        self.stopped = False  # a stop string has come; nothing more will
        self._decode = decode
        self._stop = [text for text in stop if text]
        self._ids: list[int] = []
        self._shown = 0  # ids[:shown] are decoded; ids[context:shown] are decoded again with what follows,
        self._context = 0  # because a token's text can depend on the one before it
        self._held = ""  # decoded, but perhaps the beginning of a stop string, or the white space at the end
        self._begun = False  # leading white space is not part of a reply

    def push(self, token: int) -> str:
        """One more token; returns the text that is certain now."""
        self._ids.append(token)
        piece = self._new_text()
        if piece.endswith(_HALF):
            return ""
        self._context, self._shown = self._shown, len(self._ids)
        return self._release(piece)

    def flush(self) -> str:
        """The rest of the text, at the end of the reply."""
        piece = self._release(self._new_text().rstrip(_HALF))
        self._context = self._shown = len(self._ids)
        if self.stopped:
            return piece
        rest, self._held = piece + self._held, ""
        return rest.rstrip()

    def _new_text(self) -> str:
        before = self._decode(self._ids[self._context : self._shown])
        return self._decode(self._ids[self._context :])[len(before) :]

    def _release(self, piece: str) -> str:
        text = self._held + piece
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        ends = [at for stop in self._stop if (at := text.find(stop)) >= 0]
        if ends:
            self.stopped = True
            self._held = ""
            return text[: min(ends)].rstrip()
        keep = max((_overlap(text, stop) for stop in self._stop), default=0)
        certain = text[: len(text) - keep].rstrip()
        self._held = text[len(certain) :]
        return certain


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of text may be the beginning of stop."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if stop.startswith(text[len(text) - n :])), 0)
