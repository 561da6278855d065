"""Evaluates a model: every case under every condition, and the refusal rate on unanswerable questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hypernet.evaluation import corpora
from hypernet.evaluation.conditions import CONDITIONS, Bench
from hypernet.evaluation.drawing import UNTOLD
from hypernet.evaluation.scoring import Figure, score
from hypernet.evaluation.trials import SYNTHETIC, Case

REFUSING = ("adapter", "selected adapters")  # conditions under which what was never told is asked
_FILES = ("sgd/dev.jsonl.gz", "wikitext2/test.txt", "xquad/xquad.en.json")


def evaluate(
    bench: Bench,
    cases: Sequence[Case] = SYNTHETIC,
    *,
    questions: int = 200,
    conditions: Sequence[str] = CONDITIONS,
    progress: Callable[[int], object] = lambda _: None,
) -> list[Figure]:
    """All figures; ``questions`` told ones a case, and as many never told where the case has them."""
    figures: list[Figure] = []
    refusals: dict[str, list[tuple[str, str]]] = {c: [] for c in REFUSING if c in conditions}
    for case in cases:
        trials = case.draw(questions)
        told, untold = [t for t in trials if t.told], [t for t in trials if not t.told]
        for condition in conditions:
            pairs = bench.answers(told, condition)
            if pairs:
                figures.append(
                    score(case.name, condition, pairs, chance=case.chance, axis=case.axis, at=case.at)
                )
            progress(1)
        for condition, all_said in refusals.items() if untold else ():
            said = bench.answers(untold, condition)
            figures.append(score(UNTOLD + case.name, condition, said))
            all_said += said
        bench.forget()
    return figures + [score("never told, all", c, said) for c, said in refusals.items() if said]


def cases_of(data: Path | None) -> list[Case]:
    """The synthetic cases, and those on real text where ``data`` has it (see ``corpora.py``).

    Raises FileNotFoundError, naming all that is missing.
    """
    if data is None:
        return list(SYNTHETIC)
    dialogues, prose, questions = (data / name for name in _FILES)
    missing = [str(path) for path in (dialogues, prose, questions) if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"not found: {', '.join(missing)}")
    real = [corpora.conversations(dialogues), *corpora.needles(prose), corpora.articles(questions)]
    return [*SYNTHETIC, *real]
