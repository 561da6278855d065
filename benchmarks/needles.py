"""Needles in a haystack, in RULER's manner (Hsieh et al., 2024): magic numbers hidden in prose.

    python -m benchmarks.needles --data wikitext2/test.txt [--tokens 1000 4000 16000] [--upstream URL]

Each document is one user's: sentences of the file in their order, and among them needles, sentences that give
a key's magic number. Of four kinds, as many documents of each length:

    single       one needle, asked for
    multi-key    four keys, one asked for
    multi-value  one key with four numbers, all asked for
    multi-query  four keys, all asked for in one question

An answer scores the share of the numbers that stand in it. Keys, numbers and places are drawn by a seed.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from benchmarks.bench import Row, UnusableInput
from benchmarks.field import command
from benchmarks.field.corpus import Corpus, Question, Story, Told, read_text
from benchmarks.field.scoring import found

DOCUMENTS = 10  # of each kind and length
LENGTHS = (1000, 4000, 16000)
NEEDLES = 4  # where there are several
TOKENS_A_WORD = 1.3
AT = datetime(2024, 1, 1, tzinfo=UTC)
# kind -> numbers of each of its keys, and how many keys are asked for
KINDS = {
    "single": ((1,), 1),
    "multi-key": ((1,) * NEEDLES, 1),
    "multi-value": ((NEEDLES,), 1),
    "multi-query": ((1,) * NEEDLES, NEEDLES),
}
_FIRST = "amber brisk calm daring eager faint gentle hollow ideal jolly keen lively mellow noble odd plain"
_SECOND = "anchor basket candle dolphin engine feather garden harbor island jacket kettle lantern meadow"


def main() -> int:
    parser = command.parser("needles", __doc__ or "")
    parser.add_argument("--tokens", type=int, nargs="+", default=LENGTHS, help="of a document, about")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw what is found by length (PNG)")
    given = parser.parse_args()
    each = min(DOCUMENTS, given.limit or DOCUMENTS)
    code, tables = command.run("needles", given, lambda: corpus(given.data, given.tokens, each))
    if code == 0 and given.plot is not None:
        plot([row for name, rows in tables.items() if name.endswith("answers") for row in rows], given.plot)
    return code


def corpus(file: Path, lengths: Sequence[int] = LENGTHS, documents: int = DOCUMENTS) -> Corpus:
    """Documents with needles. Raises OSError, and UnusableInput where the prose is too short."""
    prose = [*_sentences(read_text(file))]
    stories = [
        _story(prose, kind, length, number)
        for number in range(documents)  # a run that is stopped has asked of each kind about as often
        for length in lengths
        for kind in KINDS
    ]
    return Corpus("Needles", stories, "found", lambda said, asked: found(said, asked.answers))


def _sentences(text: str) -> Iterator[str]:
    """Of prose as in WikiText, without its headings."""
    for line in text.splitlines():
        if line.strip() and not line.strip().startswith("="):
            yield from (one.strip() for one in re.split(r"(?<=[.!?])\s+", line.strip()) if one.strip())


def _story(prose: Sequence[str], kind: str, length: int, number: int) -> Story:
    rng = random.Random(f"{kind}/{length}/{number}")
    counts, asked = KINDS[kind]
    keys = rng.sample([f"{one} {other}" for one in _FIRST.split() for other in _SECOND.split()], len(counts))
    values = {
        key: tuple(str(n) for n in rng.sample(range(10**6, 10**7), count))
        for key, count in zip(keys, counts, strict=True)
    }
    wanted = keys[:asked]
    needles = [
        (key, f"One of the special magic numbers for {key} is: {v}.") for key in keys for v in values[key]
    ]
    told = tuple(_hidden(_hay(prose, length, rng), needles, rng))
    evidence = frozenset(one.id for one in told if one.id.partition("/")[0] in wanted)
    answers = tuple(value for key in wanted for value in values[key])
    question = Question(f"{kind}, {length:,} tokens", _ask(wanted, len(answers)), answers, evidence)
    return Story(f"{kind} {length} {number}", told, (question,), document=True)


def _ask(keys: Sequence[str], numbers: int) -> str:
    if numbers == 1:
        return f"What is the special magic number for {keys[0]}?"
    listed = keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} and {keys[-1]}"
    return f"What are all the special magic numbers for {listed}?"


def _hay(prose: Sequence[str], tokens: int, rng: random.Random) -> list[str]:
    """Sentences in their order, from a random one on. Raises UnusableInput where there are too few."""
    words, hay = tokens / TOKENS_A_WORD, []
    if sum(len(one.split()) for one in prose) < words:
        raise UnusableInput(f"{tokens} tokens take about {words:.0f} words, the prose has fewer")
    start = rng.randrange(len(prose))
    for one in [*prose[start:], *prose[:start]]:
        if words <= 0:
            break
        hay.append(one)
        words -= len(one.split())
    return hay


def _hidden(hay: Sequence[str], needles: Sequence[tuple[str, str]], rng: random.Random) -> Iterator[Told]:
    """The sentences with needles among them; a needle's id begins with its key."""
    places = sorted(rng.randrange(len(hay) + 1) for _ in needles)
    drawn = [*needles]
    rng.shuffle(drawn)
    for place, sentence in enumerate([*hay, ""]):
        while places and places[0] == place:
            places.pop(0)
            key, said = drawn.pop()
            yield Told(f"{key}/{len(drawn)}", said, "document", AT)
        if sentence:
            yield Told(f"hay/{place}", sentence, "document", AT)


def plot(rows: Sequence[Row], to: Path) -> None:
    """A panel a kind, a line a way: what is found by the length of the document."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(KINDS), figsize=(13, 3.6), sharey=True)
    ways = dict.fromkeys(_way(row) for row in rows)
    lengths = sorted({_length(row) for row in rows})
    for panel, kind in zip(panels, KINDS, strict=True):
        for way, marker in zip(ways, cycle("osD^vPX*"), strict=False):
            line = [row for row in rows if str(row["kind"]).startswith(f"{kind}, ") and _way(row) == way]
            found = [row["found %"] for row in line]
            # hollow, because ways that find as much lie on each other
            panel.plot([*map(_length, line)], found, marker=marker, fillstyle="none", markersize=9, label=way)
        panel.set(title=kind, xscale="log", xlabel="tokens of the document", ylim=(-5, 105))
        panel.set_xticks(lengths, [f"{length:,}" for length in lengths])
        panel.minorticks_off()
    panels[0].set_ylabel("numbers found, %")
    figure.tight_layout(rect=(0, 0, 1, 0.92))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="upper center", ncols=len(ways), frameon=False)
    figure.savefig(to, dpi=110)
    pyplot.close(figure)


def _way(row: Row) -> str:
    return f"{row['who answers']}, {row['from']}"


def _length(row: Row) -> int:
    return int(str(row["kind"]).split()[1].replace(",", ""))


if __name__ == "__main__":
    sys.exit(main())
