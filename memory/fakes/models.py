"""A fake hypernetwork and base model: an adapter encodes its passage verbatim.

What they show is the way a text takes: it can come back only out of an adapter or out of the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from hypernet.lora.adapter import LoRA
from hypernet.lora.checks import require_own
from memory.errors import InvalidInput
from memory.ports import GenerationRequest, Look, Score, Trial
from memory.records import Message

if TYPE_CHECKING:
    from PIL.Image import Image

MODULE = "echo"
STYLE = "style"  # where a skill stands in an adapter
ROW = 64  # bytes of text in one rank
UNKNOWN = "I don't know."

_WORD = re.compile(r"\w+")
_MOST_ROWS = 2**20
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


class _Sizes:
    """Of the adapters here."""

    num_layers = 1
    scaling = 1.0

    def __init__(self, module: str) -> None:
        self.target_modules = (module,)
        self.d_in = {module: 1}
        self.d_out = {module: 8 * (2 + ROW)}


class EchoInternalizer:
    """One adapter a passage; its B holds the passage's bits, ROW bytes of it a rank, its A the weight."""

    base_fingerprint = "echo-base"
    most_merged = 64

    def __init__(self, *, hypernet_fingerprint: str = "echo-hypernet", passage_tokens: int = 60) -> None:
        self.hypernet_fingerprint = hypernet_fingerprint
        self.passage_tokens = passage_tokens

    def count(self, texts: Sequence[str]) -> list[int]:
        """Words."""
        return [len(text.split()) for text in texts]

    def generate(self, passages: Sequence[str]) -> list[LoRA]:
        return [_encoded(passage) for passage in passages]

    def look(self, image: Image, caption: str = "") -> Look:
        """It sees the color of the middle, and says it of the picture."""
        middle = image.crop(
            (image.width // 2, image.height // 2, image.width // 2 + 1, image.height // 2 + 1)
        )
        _, color = max(zip(middle.convert("RGB").tobytes(), ("red", "green", "blue"), strict=True))
        words = f"The picture's middle is {color}."
        return Look(_encoded(f"{caption} {words}".strip()), words)

    def check(self, lora: LoRA) -> None:
        require_own(lora, _Sizes(MODULE), _MOST_ROWS)

    def unpack(self, data: bytes) -> LoRA:
        return LoRA.from_bytes(data)

    def combine(self, loras: Sequence[LoRA], weights: Sequence[float] | None = None) -> LoRA:
        weights = weights or [1.0] * len(loras)
        return LoRA.concat([lora.scaled(weight) for lora, weight in zip(loras, weights, strict=True)])


class EchoSkills:
    """One adapter a description, which makes the generator name it behind its answer."""

    def __init__(self, *, hypernet_fingerprint: str = "echo-skills") -> None:
        self.hypernet_fingerprint = hypernet_fingerprint

    def generate(self, descriptions: Sequence[str]) -> list[LoRA]:
        made = [_encoded(description) for description in descriptions]
        return [LoRA({STYLE: lora.A[MODULE]}, {STYLE: lora.B[MODULE]}, lora.scaling) for lora in made]

    def refusal(self, description: str) -> str | None:  # noqa: ARG002 - it follows all
        return None

    def check(self, lora: LoRA) -> None:
        require_own(lora, _Sizes(STYLE), _MOST_ROWS)

    def unpack(self, data: bytes) -> LoRA:
        return LoRA.from_bytes(data)


class EchoGenerator:
    """Answers with the sentence, from the adapter or the prompt, that shares most words with the question.

    The skills in the adapter are named behind it, in brackets.
    """

    base_fingerprint = EchoInternalizer.base_fingerprint

    def __init__(self, *, window: int = 4096) -> None:
        self.window = window
        self.waiting = 0
        self.closed = False

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Words, and one a message."""
        return sum(1 + len(message.text.split()) for message in messages)

    def stream(self, request: GenerationRequest) -> EchoGeneration:
        prompt_tokens = self.count_tokens(request.messages)
        if prompt_tokens > self.window:
            raise InvalidInput(f"the prompt has {prompt_tokens} tokens; the window is {self.window}")
        *before, question = request.messages
        lora = request.lora
        known = [] if lora is None else passages_in(lora)
        skills = [] if lora is None else passages_in(lora, STYLE)
        sentences = [s for text in [*known, *(m.text for m in before)] for s in _SENTENCE.split(text)]
        answer = max(sentences, key=lambda s: _shared(s, question.text), default=UNKNOWN)
        said = answer if _shared(answer, question.text) else UNKNOWN
        words = " ".join([said, *(f"[{skill}]" for skill in skills)]).split(" ")
        return EchoGeneration(prompt_tokens, words[: request.max_new_tokens])

    def score(self, trials: Sequence[Trial]) -> list[Score]:
        """Certain of what the adapter says, and of nothing else."""
        return [_certain(trial) for trial in trials]

    def close(self) -> None:
        self.closed = True


class EchoGeneration:
    """An answer, word by word."""

    def __init__(self, prompt_tokens: int, words: Sequence[str]) -> None:
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = 0
        self._words = list(words)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self._words:
            raise StopIteration
        self.completion_tokens += 1
        return (" " if self.completion_tokens > 1 else "") + self._words.pop(0)

    def close(self) -> None:
        self._words.clear()


def passages_in(lora: LoRA, module: str = MODULE) -> list[str]:
    """What an adapter says, passage by passage, in the order of the merge."""
    passages: list[bytes] = []
    if module not in lora.B:
        return []
    for bits in lora.B[module][0].float().round().numpy().astype(np.uint8):
        begins, length, *letters = np.packbits(bits).tolist()
        if begins:
            passages.append(b"")
        passages[-1] += bytes(letters[:length])
    return [passage.decode() for passage in passages]


def _certain(trial: Trial) -> Score:
    known = [message.text for message in trial.before]
    known += [] if trial.adapter is None else passages_in(trial.adapter)
    right = any(trial.answer in passage for passage in known)
    return Score(0.0 if right else -10.0, right)


def _encoded(passage: str) -> LoRA:
    """A [1, R, 1] of ones; B [1, R, 8 * (2 + ROW)]: whether the passage begins, bytes in use, the bytes.

    In bits, which survive any storage of adapters.
    """
    data = passage.encode()
    rows = [data[start : start + ROW] for start in range(0, len(data), ROW)]
    table = [[index == 0, len(row), *row, *bytes(ROW - len(row))] for index, row in enumerate(rows)]
    b = torch.from_numpy(np.unpackbits(np.array(table, np.uint8), axis=1)).float()[None]
    return LoRA({MODULE: torch.ones(1, len(rows), 1)}, {MODULE: b}, 1.0)


def _shared(sentence: str, question: str) -> int:
    """Words the two have in common, letters before all: "called" counts, "is" hardly."""
    common = set(_WORD.findall(sentence.lower())) & set(_WORD.findall(question.lower()))
    return sum(len(word) for word in common if len(word) > 2)
