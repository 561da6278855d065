"""What a conversation tells, as passages: lines "User: ..." and "Assistant: ...".

Which lines count is decided by who said them and why:

- what was said from memory is never internalized again (`Message.recalled`), nor are instructions;
- a question tells nothing by itself; it is kept where the transcript holds the answer to it;
- an answer to the assistant's question ("For which day?" "Friday.") shares a passage with the question;
- greetings, thanks, and a yes or no that answers nothing are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from memory.ports import Reader, Reading
from memory.records import Message, Role, Skipped, Turn
from memory.text.cutting import Count, split_text
from memory.text.forms import statements
from memory.text.passage import Passage
from memory.text.speakers import label, labelled


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message of a conversation, at its place in it, and as it was understood."""

    role: Role
    place: int
    reading: Reading

    @property
    def text(self) -> str:
        return self.reading.text

    @property
    def asks(self) -> bool:
        """Whether the assistant asks something with it."""
        return self.role == "assistant" and self.reading.asks

    def prompts(self, other: Utterance) -> bool:
        """Whether the other is the user's answer to what this asks."""
        return self.place + 1 == other.place and other.role == "user" and self.asks


def utterances(
    said: Sequence[Turn | Message], reader: Reader, skipped: list[Skipped] | None = None
) -> list[Utterance]:
    """The messages not told yet, each with its ordinal in the session or its place in the list.

    What is said by nobody who tells something is added to `skipped`.
    """
    found = []
    for place, one in enumerate(said):
        told = one.internalized if isinstance(one, Turn) else one.recalled
        if not told and one.role != "system" and one.text.strip():
            text = statements(one.text.strip()) if one.role == "user" else one.text.strip()
            ordinal = one.ordinal if isinstance(one, Turn) else place
            found.append(Utterance(one.role, ordinal, reader.read(text)))
        elif skipped is not None:
            skipped.append(Skipped(one.text, "instruction" if one.role == "system" else "recalled"))
    return found


def unanswered(said: Sequence[Utterance]) -> Utterance | None:
    """The assistant's question at the end, which waits for its answer before it tells anything."""
    return said[-1] if said and said[-1].asks else None


def passages(
    said: Sequence[Utterance],
    count: Count,
    budget: int,
    reader: Reader,
    skipped: list[Skipped] | None = None,
    led: Utterance | None = None,
) -> Iterator[Passage]:
    """Windows of lines of about `budget` tokens, over what these messages tell.

    What the assistant asks, and the answer to it, may fill a window up to twice that: "Thursday." says
    little without "I need a table at Corvo. - For which day?" before it.

    What tells nothing is added to `skipped`. The first passage begins with what `led` to it, an earlier
    passage as it is stored.
    """
    window = [(led, led.text)] if led is not None and count([led.text])[0] <= budget else []
    used = sum(count([text for _, text in window]))
    for line in _news(said, reader, [] if skipped is None else skipped):
        prompting = bool(window) and (window[-1][0] is led or window[-1][0].prompts(line))
        for text, tokens in _rendered(line, count, budget):
            room = 2 * budget if prompting or line.asks else budget
            if window and used + tokens > room:
                kept = window[-1:] if prompting else []
                if told := window[: len(window) - len(kept)]:
                    yield _passage(told)
                window = kept
                used = sum(count([text for _, text in window]))
            window.append((line, text))
            used += tokens
            prompting = False
    if window and window[-1][0] is not led:
        yield _passage(window)


def _news(said: Sequence[Utterance], reader: Reader, skipped: list[Skipped]) -> Iterator[Utterance]:
    """The messages that tell something, with what tells nothing left out of them."""
    heard = set()  # a user who says it again, perhaps because the first try was cut off, tells it once
    for before, line, after in zip([None, *said], said, [*said[1:], None], strict=False):
        answers = before is not None and before.prompts(line)
        answered = after is not None and after.role != line.role and after.place == line.place + 1
        if line.role == "user" and line.reading.withheld:
            skipped.append(Skipped(line.text, "not to be kept"))
            continue
        text = line.text if answered or line.role == "assistant" else line.reading.told
        news = line if text == line.text else replace(line, reading=reader.read(text))
        if text and (answers or not (text in heard or news.reading.small_talk)):
            yield news
        elif text:
            skipped.append(Skipped(text, "duplicate" if text in heard else "small talk"))
        if text != line.text:
            skipped += line.reading.skipped
        if line.role == "user":
            heard.add(text)


def _rendered(line: Utterance, count: Count, budget: int) -> Iterator[tuple[str, int]]:
    """The line with its speaker, in parts where it is over the budget: text and tokens of each."""
    whole = labelled(line.role, line.text)
    [tokens] = count([whole])
    if tokens <= budget:
        yield whole, tokens
        return
    room = max(1, budget - count([label(line.role)])[0])
    for part in split_text(line.text, count, room):
        said = labelled(line.role, part.text)
        yield said, count([said])[0]


def _passage(window: Sequence[tuple[Utterance, str]]) -> Passage:
    roles = {line.role for line, _ in window}
    return Passage(
        "\n".join(text for _, text in window),
        role=roles.pop() if len(roles) == 1 else None,
        first_turn=window[0][0].place,
        last_turn=window[-1][0].place,
    )
