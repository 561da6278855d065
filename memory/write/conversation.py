"""What a conversation tells, as passages: lines "User: ..." and "Assistant: ...".

Which lines count is decided by who said them and why:

- what was said from memory is never internalized again (`Message.recalled`), nor are instructions;
- a question tells nothing by itself; it is kept where the transcript holds the answer to it;
- an answer to the assistant's question ("For which day?" "Friday.") shares a passage with the question;
- greetings, thanks, and a yes or no that answers nothing are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memory.ports import Reader
from memory.records import Message, Role, Turn
from memory.text.cutting import Count, split_text
from memory.text.forms import statements
from memory.text.passage import Passage
from memory.text.speakers import label, labelled


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a conversation, at its place in it."""

    role: Role
    text: str
    place: int


def lines(said: Sequence[Turn | Message]) -> list[Line]:
    """The lines not told yet, each with its ordinal in the session or its place in the list."""
    found = []
    for place, one in enumerate(said):
        told = one.internalized if isinstance(one, Turn) else one.recalled
        if not told and one.role != "system" and one.text.strip():
            text = statements(one.text.strip()) if one.role == "user" else one.text.strip()
            found.append(Line(one.role, text, one.ordinal if isinstance(one, Turn) else place))
    return found


def unanswered(said: Sequence[Line], reader: Reader) -> Line | None:
    """The assistant's question at the end, which waits for its answer before it tells anything."""
    return said[-1] if said and _asks(said[-1], reader) else None


def passages(said: Sequence[Line], count: Count, budget: int, reader: Reader) -> Iterator[Passage]:
    """Windows of lines of about `budget` tokens, over what these lines tell.

    What the assistant asks, and the answer to it, may fill a window up to twice that: "Thursday." says
    little without "I need a table at Corvo. - For which day?" before it.
    """
    window: list[tuple[Line, str]] = []
    used = 0
    for line in _news(said, reader):
        prompting = bool(window) and _prompts(window[-1][0], line, reader)
        asking = _asks(line, reader)
        for text, tokens in _rendered(line, count, budget):
            room = 2 * budget if prompting or asking else budget
            if window and used + tokens > room:
                kept = window[-1:] if prompting else []
                if told := window[: len(window) - len(kept)]:
                    yield _passage(told)
                window = kept
                used = sum(count([text for _, text in window]))
            window.append((line, text))
            used += tokens
            prompting = False
    if window:
        yield _passage(window)


def _news(said: Sequence[Line], reader: Reader) -> Iterator[Line]:
    """The lines that tell something, with what tells nothing left out of them."""
    heard = set()  # a user who says it again, perhaps because the first try was cut off, tells it once
    for before, line, after in zip([None, *said], said, [*said[1:], None], strict=False):
        answers = before is not None and _prompts(before, line, reader)
        answered = after is not None and after.role != line.role and after.place == line.place + 1
        if line.role == "user" and reader.read(line.text).withheld:
            continue
        text = line.text if answered or line.role == "assistant" else reader.read(line.text).told
        if text and (answers or not (text in heard or reader.read(text).small_talk)):
            yield Line(line.role, text, line.place)
        if line.role == "user":
            heard.add(text)


def _asks(line: Line, reader: Reader) -> bool:
    return line.role == "assistant" and reader.read(line.text).asks


def _prompts(before: Line, line: Line, reader: Reader) -> bool:
    return before.place + 1 == line.place and line.role == "user" and _asks(before, reader)


def _rendered(line: Line, count: Count, budget: int) -> Iterator[tuple[str, int]]:
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


def _passage(window: Sequence[tuple[Line, str]]) -> Passage:
    roles = {line.role for line, _ in window}
    return Passage(
        "\n".join(text for _, text in window),
        role=roles.pop() if len(roles) == 1 else None,
        first_turn=window[0][0].place,
        last_turn=window[-1][0].place,
    )
