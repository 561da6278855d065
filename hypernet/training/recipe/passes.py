"""Passes of the recipe through the base: blocks that stay as they are once, the others with what is trained.

Neither passages below the highest layer that is read, nor questions below the lowest that is tuned or
written, depend on anything that is trained. On a CPU their states are kept (``StateFile``); a GPU computes
them anew, faster than they are brought there.

Axes: C chunks, N rows of turns, T tokens, H hidden width, F feature width, Z latent width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from hypernet.backbones.encoder import by_length
from hypernet.backbones.parts import fed, resumed
from hypernet.backbones.tuning import tuned
from hypernet.networks.tokens import TokenHypernetwork
from hypernet.training.packed import Packed, Turn
from hypernet.training.recipe.rows import Bank, Rows, writing
from hypernet.training.recipe.states import StateFile

_TOGETHER = 8  # chunks that share one opening in a row: more save little and make attention longer


@dataclass(frozen=True)
class Passed:
    """One pass: the turns, the decoder's output [N, T, H], and the scores of the written layers [N, T, S]."""

    packed: Packed
    states: Tensor
    scores: dict[int, Tensor]


class Passes:
    """The base with a hypernetwork. ``opening`` are ids that open every chunk, ``shared`` of them every turn.

    ``tokens`` go through the base together. ``keep``: in which folder, and up to how many bytes, states are
    kept that do not change.
    """

    def __init__(
        self,
        base: PreTrainedModel,
        network: TokenHypernetwork,
        opening: Sequence[int],
        shared: int,
        tokens: int,
        keep: tuple[Path, int] | None = None,
    ) -> None:
        self.base, self.network, self.tokens = base, network, tokens
        self.opening, self.shared = list(opening), shared
        config = network.config
        places = [int(name.partition(".")[0]) for name in config.tuned]
        self.resumes = max(1, min([*places, *config.written_layers]))
        self.last = config.written_layers[-1]
        self._read = config.feature_layers[1:]
        self._passages = self._questions = None
        if keep:
            folder, limit = keep
            width = config.hidden_size
            self._passages = StateFile(folder / "passages.bf16", width * len(self._read), limit // 2)
            self._questions = StateFile(folder / "questions.bf16", width, limit // 2)

    @property
    def device(self) -> torch.device:
        return self.base.device

    def bank(self, texts: Sequence[Sequence[int]]) -> Bank:
        """The rows of every chunk."""
        longest = max(map(len, texts))
        lengths = torch.tensor([len(text) for text in texts], device=self.device)
        mask = torch.arange(longest, device=self.device) < lengths[:, None]
        ids = torch.tensor([[*text, *[0] * (longest - len(text))] for text in texts], device=self.device)
        table = self.base.get_input_embeddings().weight
        embedded = _normed(table[ids])
        read = pad_sequence(self._of_passages(texts), batch_first=True).to(self.device, torch.float32)
        features = torch.cat([embedded, read], dim=-1)
        latents = self.network.latents(features[:, None], mask) * mask[..., None]
        said = F.normalize(embedded - self.network.centre, dim=-1) * mask[..., None]
        return Bank(latents, said, torch.where(mask, ids, -1))

    def answered(
        self, rows: Sequence[Sequence[Turn]], memories: Rows | None, *, tune: bool, speak: bool
    ) -> Passed:
        """The turns with these rows' memories, or with none; without ``speak`` no block runs above the last
        written layer. ``tune``: with the network's LoRA."""
        packed = Packed.of(rows, self.device, self.shared)
        placed = packed.placed(self.base.dtype)
        states = self._of_questions(rows, packed)
        last = None if speak else self.last
        decoder = self.base.get_decoder()
        with (
            tuned(self.base, self.network) if tune else nullcontext(),
            _writing(self.base, self.network, memories) as scores,
        ):
            out = resumed(decoder, self.resumes, states, last, **placed)
        return Passed(packed, out, scores)

    def by_length(self, rows: Sequence[Sequence[Turn]]) -> list[list[int]]:
        """Numbers of the rows that go together."""
        lengths = [sum(len(turn.ids) - self.shared for turn in row) + self.shared for row in rows]
        return list(by_length(lengths, self.tokens, alike=0.6))

    def _of_passages(self, texts: Sequence[Sequence[int]]) -> list[Tensor]:
        """The read states above the embeddings, RMS-normed and side by side: [T, F - H] a chunk."""

        def compute(some: Sequence[Sequence[int]]) -> list[Tensor]:
            opening = len(self.opening)
            turns = [Turn([*self.opening, *text], opening + len(text)) for text in some]
            packed = Packed.of(_together(turns), self.device, opening)
            seen = fed(
                self.base.get_decoder(), self._read, input_ids=packed.ids, **packed.placed(self.base.dtype)
            )
            return _unpacked(torch.cat([_normed(state) for state in seen], dim=-1), turns, opening)

        return self._kept(self._passages, texts, compute)

    def _of_questions(self, rows: Sequence[Sequence[Turn]], packed: Packed) -> Tensor:
        """What block ``resumes`` is fed of the packed turns: [N, T, H]."""
        if self._questions is None or not self.shared:
            return self._fed(packed)

        def compute(some: Sequence[Sequence[int]]) -> list[Tensor]:
            turns = [Turn(list(ids), len(ids)) for ids in some]
            return _unpacked(
                self._fed(Packed.of(_together(turns), self.device, self.shared)), turns, self.shared
            )

        turns = [turn.ids for row in rows for turn in row]
        found = iter(self._kept(self._questions, turns, compute))
        opening = self._opening_states
        lines = [torch.cat([opening, *(next(found).to(opening) for _ in row)]) for row in rows]
        return pad_sequence(lines, batch_first=True)

    @cached_property
    def _opening_states(self) -> Tensor:
        return self._fed(Packed.of([[Turn(self.opening, len(self.opening))]], self.device))[0]

    def _fed(self, packed: Packed) -> Tensor:
        placed = packed.placed(self.base.dtype)
        return fed(self.base.get_decoder(), [self.resumes], input_ids=packed.ids, **placed)[0]

    def _kept(
        self,
        file: StateFile | None,
        sequences: Sequence[Sequence[int]],
        compute: Callable[[Sequence[Sequence[int]]], list[Tensor]],
    ) -> list[Tensor]:
        """The states of all sequences, of which those that are not kept are computed, and then kept."""
        found: dict[int, Tensor] = {}
        missing = [i for i, ids in enumerate(sequences) if file is None or ids not in file]
        for batch in by_length([len(sequences[i]) for i in missing], self.tokens, alike=0.6):
            places = [missing[i] for i in batch]
            states = compute([sequences[i] for i in places])
            if file is not None:  # rounded at once, so that it makes no difference when they were computed
                states = [state.bfloat16() for state in states]
                file.add([sequences[i] for i in places], states)
            found |= zip(places, states, strict=True)
        kept = {} if file is None else {i: file.get(ids) for i, ids in enumerate(sequences) if i not in found}
        return [found[i] if i in found else kept[i] for i in range(len(sequences))]


def _writing(
    base: PreTrainedModel, network: TokenHypernetwork, memories: Rows | None
) -> AbstractContextManager[dict[int, Tensor]]:
    nothing: dict[int, Tensor] = {}
    return nullcontext(nothing) if memories is None else writing(base, network, memories)


def _together(turns: Sequence[Turn]) -> list[Sequence[Turn]]:
    return [turns[i : i + _TOGETHER] for i in range(0, len(turns), _TOGETHER)]


def _unpacked(states: Tensor, turns: Sequence[Turn], shared: int) -> list[Tensor]:
    """States [N, T, F] of turns packed by ``_together``, each turn's own."""
    found = []
    for number, row in enumerate(_together(turns)):
        at = shared
        for turn in row:
            found.append(states[number, at : at + len(turn.ids) - shared])
            at += len(turn.ids) - shared
    return found


def _normed(state: Tensor) -> Tensor:
    return F.rms_norm(state.float(), (state.size(-1),), eps=1e-6)
