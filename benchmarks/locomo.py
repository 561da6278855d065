"""LoCoMo (Maharana et al., 2024): is what a question needs among what is recalled as text?

    python -m benchmarks.locomo --data locomo10.json

Each of the ten conversations is told as one user's memories, session by session with its dates: one memory a
turn, "Speaker: text [photo: caption]". For each question `Memory.recall` gives at most 50 texts within the
token budget. An evidence turn counts as recalled when its text is among the first 5, 10, 20, or all of them.

No adapters are made: recall as text reads embeddings and words alone. Nothing here answers; with `--upstream`
a model of yours does, on what was recalled, and is scored by token F1, and on adversarial questions, which
have no answer, by how often it says so.

Tokens are those of the sentence embedder's tokenizer. Conversations 0 and 4 chose the weights of recall, and
are left out unless they are asked for.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from memory import Memory
from memory.backends.model.embedder import MiniLMEmbedder, packaged_folder
from memory.fakes import EchoGenerator, EchoInternalizer
from memory.ports import Vectors
from memory.records import AdapterRef, MemoryRecord, Scope

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
CHOSEN_ON = (0, 4)  # set aside for choosing the weights of recall, and not reported
KS = (5, 10, 20, 50)
UNKNOWN = re.compile(
    r"no information|not mention|n[o']t know|unknown|not (?:say|specif|provid)", re.IGNORECASE
)
ADAPTERLESS = AdapterRef("0" * 64, 0, 0, "none", "none")


@dataclass(frozen=True, slots=True)
class Told:
    """One turn of a conversation."""

    evidence_id: str
    session: str
    at: datetime
    text: str


@dataclass
class Tally:
    """Sums over the questions of a category."""

    questions: int = 0
    recalled: dict[int, float] = field(
        default_factory=lambda: defaultdict(float)
    )  # k -> sum of shares of the evidence
    texts: int = 0
    tokens: Counter[int] = field(default_factory=Counter)
    cpu_s: float = 0.0
    score: float = 0.0  # of the upstream's answers


class TokenCounter(EchoInternalizer):
    """Counts tokens and makes no adapters."""

    def __init__(self) -> None:
        super().__init__(passage_tokens=256)
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(packaged_folder() / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, texts: Sequence[str]) -> list[int]:
        found = self._tokenizer.encode_batch([*texts], add_special_tokens=False)
        return [len(encoding.ids) for encoding in found]


class CachedEmbedder(MiniLMEmbedder):
    """Embeds what a file does not hold yet; one file for each list of texts."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__()
        self._files = folder
        self._known: dict[str, Vectors] = {}

    def prepare(self, texts: Sequence[str]) -> None:
        """Have embeddings of these at hand."""
        name = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
        file = self._files / f"{name}.npy" if self._files is not None else None
        vectors = np.load(file) if file is not None and file.exists() else super().embed(texts)
        if file is not None and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, vectors)
        self._known |= dict(zip(texts, vectors, strict=True))

    def embed(self, texts: Sequence[str]) -> Vectors:
        if all(text in self._known for text in texts):
            return np.stack([self._known[text] for text in texts])
        return super().embed(texts)


def turns(conversation: Mapping[str, Any]) -> Iterator[Told]:
    """All turns in their order."""
    number = 1
    while f"session_{number}_date_time" in conversation:
        at = datetime.strptime(conversation[f"session_{number}_date_time"], "%I:%M %p on %d %B, %Y")
        for one in conversation.get(f"session_{number}") or ():
            photo = f" [photo: {one['blip_caption']}]" if one.get("blip_caption") else ""
            text = f"{one['speaker']}: {one['text']}{photo}"
            yield Told(one["dia_id"], f"session {number}", at.replace(tzinfo=UTC), text)
        number += 1


def tell(memory: Memory, embedder: CachedEmbedder, told: Sequence[Told]) -> dict[str, str]:
    """Store one memory a turn; returns memory id -> evidence id."""
    embedder.prepare([one.text for one in told])
    ids: dict[str, str] = {}
    for session in dict.fromkeys(one.session for one in told):
        some = [one for one in told if one.session == session]
        records = [
            MemoryRecord(
                scope=Scope(user_id="reader", session_id=session),
                text=one.text,
                embedder=embedder.name,
                dim=embedder.dim,
                adapter=ADAPTERLESS,
                first_turn=turn,
                last_turn=turn,
                valid_from=one.at,
            )
            for turn, one in enumerate(some)
        ]
        stored = memory._backends.store.add(records, embedder.embed([one.text for one in some]))
        ids |= {record.id: one.evidence_id for record, one in zip(stored, some, strict=True)}
    return ids


def ask(
    memory: Memory, ids: Mapping[str, str], question: Mapping[str, Any], budget: int, tally: Tally
) -> str:
    """Recall for one question and add to its category; returns what goes into a prompt."""
    evidence = set(re.findall(r"D\d+:\d+", " ".join(question.get("evidence", ())))) & set(ids.values())
    began = time.process_time()
    recalled = memory.recall(question["question"], k=KS[-1], max_tokens=budget, user_id="reader")
    tally.cpu_s += time.process_time() - began
    if evidence:
        tally.questions += 1
        tally.texts += len(recalled)
        for k in KS:
            found = {ids[one.memory_id] for one in recalled[:k]}
            tally.recalled[k] += len(found & evidence) / len(evidence)
            tally.tokens[k] += sum(memory.count_tokens(one.line) for one in recalled[:k])
    return recalled.prompt


def f1(answer: str, right: str) -> float:
    """Harmonic mean of precision and recall of the words."""
    said, wanted = (Counter(re.findall(r"\w+", text.casefold())) for text in (answer, right))
    shared = sum((said & wanted).values())
    return 2 * shared / (said.total() + wanted.total()) if shared else 0.0


def upstream_score(url: str, key: str, model: str, prompt: str, question: Mapping[str, Any]) -> float:
    """Token F1 of a model's answer; of an adversarial question 1 for a refusal, else 0."""
    import httpx

    rules = "Answer in as few words as you can. Where nothing known answers it, say: no information."
    body = {
        "model": model,
        "temperature": 0,
        "messages": [
            {"role": "system", "content": f"{rules}\n\n{prompt}"},
            {"role": "user", "content": question["question"]},
        ],
    }
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    reply = httpx.post(f"{url.rstrip('/')}/chat/completions", json=body, headers=headers, timeout=120)
    reply.raise_for_status()
    answer = reply.json()["choices"][0]["message"]["content"] or ""
    if question["category"] == 5:
        return float(UNKNOWN.search(answer) is not None)
    return f1(answer, str(question.get("answer", "")))


def table(tallies: Mapping[int, Tally], *, answered: bool) -> str:
    """One row a category, and one for the categories 1 to 4 together, weighed by their questions."""
    together = Tally()
    for category in (1, 2, 3, 4):
        one = tallies.get(category, Tally())
        together.questions += one.questions
        together.texts += one.texts
        together.cpu_s += one.cpu_s
        together.score += one.score
        for k in KS:
            together.recalled[k] += one.recalled[k]
        together.tokens.update(one.tokens)
    rows = [("1 to 4", together), *((CATEGORIES[c], tallies[c]) for c in sorted(tallies))]
    head = ["category", "questions", *(f"at {k}" for k in KS[:-1]), "in the budget"]
    head += ["texts", "tokens at 20", "tokens", "CPU ms", *(["score"] if answered else [])]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, one in rows:
        n = max(1, one.questions)
        cells = [name, str(one.questions), *(f"{one.recalled[k] / n:.3f}" for k in KS)]
        cells += [f"{one.texts / n:.0f}", f"{one.tokens[20] / n:.0f}", f"{one.tokens[50] / n:.0f}"]
        cells += [f"{1000 * one.cpu_s / n:.0f}", *([f"{one.score / n:.3f}"] if answered else [])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run the conversations asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="locomo10.json, gzipped or not")
    parser.add_argument("--conversations", type=int, nargs="*", help="by number; by default all but 0 and 4")
    parser.add_argument("--every", type=int, default=1, help="ask every n-th question only")
    parser.add_argument("--max-tokens", type=int, default=1500, help="budget of a recall")
    parser.add_argument("--cache", type=Path, help="folder that keeps embeddings between runs")
    parser.add_argument("--upstream", help="base URL of a model that answers, as .../v1")
    parser.add_argument("--upstream-key", default="", help="its key")
    parser.add_argument("--upstream-model", default="default", help="its name")
    given = parser.parse_args()
    data = given.data.read_bytes()
    samples = json.loads(gzip.decompress(data) if given.data.suffix == ".gz" else data)
    chosen = given.conversations or [n for n in range(len(samples)) if n not in CHOSEN_ON]
    tallies: dict[int, Tally] = defaultdict(Tally)
    for number in chosen:
        run(samples[number], given, tallies)
    print(table(tallies, answered=bool(given.upstream)))


def run(sample: Mapping[str, Any], given: argparse.Namespace, tallies: dict[int, Tally]) -> None:
    """One conversation: told, then asked."""
    embedder = CachedEmbedder(given.cache)
    embedder.prepare([question["question"] for question in sample["qa"]])
    with (
        TemporaryDirectory() as home,
        Memory(
            home=Path(home), embedder=embedder, internalizer=TokenCounter(), generator=EchoGenerator()
        ) as memory,
    ):
        ids = tell(memory, embedder, [*turns(sample["conversation"])])
        for question in sample["qa"][:: given.every]:
            tally = tallies[question["category"]]
            prompt = ask(memory, ids, question, given.max_tokens, tally)
            if given.upstream:
                tally.score += upstream_score(
                    given.upstream, given.upstream_key, given.upstream_model, prompt, question
                )


if __name__ == "__main__":
    main()
