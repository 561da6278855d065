"""A reply in progress: the engine appends tokens, the caller reads text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from memory.backends.model.detokenize import TextStream
from memory.ports import GenerationRequest

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA


class Reply:
    """A row of the engine's batch and, for its caller, the iterator over its text (port `Generation`).

    It holds all that has been read and written, so that a batch that failed can be taken up again.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        request: GenerationRequest,
        decode: Callable[[list[int]], str],
        end_ids: Collection[int],
        room: int,
        opening: str = "",
    ) -> None:
        """`room` is how many tokens still fit into the window; `opening` begins a reply, unseen."""
        self.ids = list(prompt)
        self.adapter: LoRA | None = request.lora
        self.prompt_tokens = len(self.ids)
        self.owner = request.owner
        self._alive = True
        self._request = request
        self._most = min(request.max_new_tokens, room)
        self._end_ids = end_ids
        self._text = TextStream(decode, request.stop)
        self._pieces: SimpleQueue[str | BaseException | None] = SimpleQueue()
        self._opening = opening
        self._random: torch.Generator | None = None

    # -- the engine's side

    @property
    def alive(self) -> bool:
        """Whether more of it is to be written."""
        if self._alive and self._request.cancelled is not None and self._request.cancelled.is_set():
            self.close()
        return self._alive

    def choose(self, logits: Tensor) -> int:
        """The next token, from logits [V]: the likeliest, or drawn where the temperature is above 0."""
        if self._request.temperature <= 0:
            return int(logits.argmax())
        logits = logits.float().cpu()
        # The likeliest is 0 before the division, so that no temperature makes it infinite.
        chances = torch.softmax((logits - logits.max()) / self._request.temperature, dim=-1)
        chances = _nucleus(chances, self._request.top_p)
        return int(torch.multinomial(chances, 1, generator=self._dice()))

    def accept(self, token: int) -> None:
        """Write one token; the reply ends by an end token, a stop string or its length."""
        if token in self._end_ids:
            self._finish()
            return
        self.ids.append(token)
        self._put(self._text.push(token))
        if self._text.stopped or self.completion_tokens >= self._most:
            self._finish()

    def fail(self, error: BaseException) -> None:
        """End with an error, which the caller's iteration raises."""
        self._alive = False
        self._pieces.put(error)

    def _finish(self) -> None:
        self._alive = False
        self._put(self._text.flush())
        self._pieces.put(None)

    def _put(self, piece: str) -> None:
        shown = piece.removeprefix(self._opening)
        self._opening = "" if piece else self._opening
        if shown:
            self._pieces.put(shown)

    def _dice(self) -> torch.Generator:
        if self._random is None:
            self._random = torch.Generator()
            if self._request.seed is None:
                self._random.seed()
            else:
                self._random.manual_seed(self._request.seed)
        return self._random

    # -- the caller's side

    @property
    def completion_tokens(self) -> int:
        """Tokens written so far; the end token does not count."""
        return len(self.ids) - self.prompt_tokens

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        piece = self._pieces.get()
        if isinstance(piece, str):
            return piece
        self._pieces.put(piece)  # the end stays the end, however often it is asked for
        if piece is None:
            raise StopIteration
        raise piece

    def close(self) -> None:
        """Cancel: the engine drops the row before its next token."""
        self._alive = False
        self._pieces.put(None)


def _nucleus(chances: Tensor, top_p: float) -> Tensor:
    """The likeliest tokens [V] that together have that chance; the others get none."""
    if top_p >= 1:
        return chances
    ordered, places = chances.sort(descending=True)
    ordered[ordered.cumsum(-1) - ordered >= top_p] = 0  # the first one always stays
    return torch.zeros_like(chances).scatter_(0, places, ordered)
