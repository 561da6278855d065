"""The port of language: what a text states, asks, denies and replaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from memory.records import Skipped

if TYPE_CHECKING:
    from memory.text.passage import Passage


class Reading(Protocol):
    """A text as a reader understood it. Readings of one reader can be compared with each other."""

    @property
    def text(self) -> str:
        """What was read."""
        ...

    @property
    def asks(self) -> bool:
        """Whether it ends with a question, or with a request to tell something."""
        ...

    @property
    def small_talk(self) -> bool:
        """Whether it is made of greetings, thanks and yes-and-no alone."""
        ...

    @property
    def told(self) -> str:
        """The text without its questions and requests; "" where nothing is told."""
        ...

    @property
    def skipped(self) -> Sequence[Skipped]:
        """What of it is not in `told`, or says nothing, and why; nothing where all of it tells."""
        ...

    @property
    def withheld(self) -> bool:
        """Whether the teller says not to keep it, or to forget something: nothing of it is stored."""
        ...

    @property
    def forgets(self) -> str:
        """What the teller wants forgotten, in the text's words; "" where nothing is."""
        ...

    @property
    def acknowledgement(self) -> str:
        """A reply that says back what is told."""
        ...

    @property
    def standing(self) -> str:
        """The text without what it denies, supposes or says is no longer so: adapters are made from this.

        Never blank unless the text is: where nothing stands, it is the whole text, which `answers` nothing.
        """
        ...

    def answers(self, turn: Reading) -> bool:
        """Whether what it states may answer this turn; what is denied, supposed, wished, quoted may not."""
        ...

    @property
    def questions(self) -> Sequence[tuple[str, str]]:
        """Questions that it answers, each with the answer in the text's own words."""
        ...

    @property
    def claims(self) -> bool:
        """Whether it states anything that could take the place of something stated before."""
        ...

    def contradicts(self, older: Reading) -> bool:
        """Whether some statement of the older text cannot hold beside this newer one."""
        ...

    def left_of(self, older: Reading) -> str | None:
        """What this newer text leaves of an older one: None where all of it, "" where nothing."""
        ...

    def stands_for(self, older: Reading, turn: Reading) -> float:
        """How sure it is that this newer text is to be said in the older one's place, for this turn.

        0: both are said. 1: the text says itself that the older one is no longer so. Between: they seem to
        be about the same.
        """
        ...

    def value_in(self, told: Sequence[Told], nearest: Sequence[int] = ()) -> tuple[str, Sequence[int]]:
        """The value that texts, in the order in which they were told, give for this question, word by word.

        A reader that cannot read them all reads those at the first of these places, the `nearest`. With the
        value the places of those that give it; of what is no longer so the newer value, several values only
        where they go together, and "" with no places where none is plain to see.
        """
        ...

    @property
    def personal(self) -> bool:
        """Whether it asks for what only its teller can have told: "Where do I work?"."""
        ...

    def accepts(self, reply: str, told: Sequence[Told], beside: Sequence[str] = ()) -> bool:
        """Whether a reply may be what this question asks for.

        "Lars" is no place where the text has "with Lars", and the question's own words are no answer. What
        only its teller can know has to be told, or in the texts that the replier saw `beside`.
        """
        ...

    def rivals(self, other: Reading) -> bool:
        """Whether the two answer a question alike that either of them answers."""
        ...


Told: TypeAlias = "tuple[Reading, Reading | None]"
"""A text, and the older one among them that it was chosen in the place of, where it was."""


class Reader(Protocol):
    """Understands language: what a text states, asks, denies and replaces. Pure functions of the text.

    In doubt a text claims nothing and contradicts nothing: both of two memories are kept.
    """

    def read(self, said: Passage | str) -> Reading:
        """Read a passage, whose lines say who says them; or what one person says, a message or a turn."""
        ...
