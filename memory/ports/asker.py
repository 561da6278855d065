"""For whom a thread works: what all share takes turns between owners, and drops what nobody waits for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from threading import Event

from memory.errors import Cancelled


@dataclass(frozen=True, slots=True)
class Asker:
    """Whoever asked for what a thread does."""

    owner: str = ""  # the tenant, where there are many
    gone: Event | None = None  # set once nobody waits for the answer

    @property
    def waits(self) -> bool:
        """Whether somebody still does."""
        return self.gone is None or not self.gone.is_set()

    def check(self) -> None:
        """Raise Cancelled where nobody waits any more."""
        if not self.waits:
            raise Cancelled("whoever asked has gone")


_NOBODY = Asker()
_current: ContextVar[Asker] = ContextVar("_current", default=_NOBODY)


def asker() -> Asker:
    """Of what this thread does."""
    return _current.get()


@contextmanager
def asking(who: Asker) -> Iterator[None]:
    """Inside, this thread works for them."""
    token = _current.set(who)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def to_the_end() -> Iterator[None]:
    """Inside, work goes on though nobody waits for it: an erasure, or keeping what was said."""
    with asking(replace(asker(), gone=None)):
        yield
