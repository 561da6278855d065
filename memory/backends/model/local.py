"""Base model and hypernetwork in this process: fills the ports Internalizer and Generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any

from memory.backends.model.batcher import Batcher
from memory.errors import InvalidInput, ModelUnavailable, SeesNothing
from memory.ports import GenerationRequest, Look, Score, Trial
from memory.records import Message

if TYPE_CHECKING:
    from PIL.Image import Image

    from hypernet import DocToLoRA
    from hypernet.lora.adapter import LoRA
    from memory.backends.model.engine import Engine
    from memory.backends.model.reply import Reply


class LocalModel:
    """Loads a Doc-to-LoRA model when it is first needed. Safe to share between threads.

    Whatever runs the base model, also to make adapters, runs in the engine's thread, because the
    adapters of a batch under way are in force on it.
    """

    def __init__(
        self,
        load: Callable[[], DocToLoRA],
        *,
        passage_tokens: int = 60,
        max_batch: int = 16,
        batch_window_s: float = 0.002,
    ) -> None:
        self._load = load
        self._passage_tokens = passage_tokens
        self._max_batch = max_batch
        self._batch_window_s = batch_window_s
        self._loading = RLock()
        self._tokenizing = Lock()  # fast tokenizers are not safe in two threads at once
        self._d2l: DocToLoRA | None = None
        self._engine: Engine | None = None
        self._batcher = Batcher(self._generate, most=max_batch)  # passages that are told at the same time

    # -- loading and closing

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._d2l is not None

    @property
    def d2l(self) -> DocToLoRA:
        """The model, loaded now if it was not. Raises ModelUnavailable."""
        with self._loading:
            if self._d2l is None:
                self._d2l = self._load()
            return self._d2l

    @property
    def engine(self) -> Engine:
        """The owner of the base model."""
        with self._loading:
            if self._engine is None:
                from memory.backends.model.engine import Engine

                d2l = self.d2l
                self._engine = Engine(
                    d2l.base_model,
                    max_batch=self._max_batch,
                    batch_window_s=self._batch_window_s,
                    pad_id=d2l.tokenizer.pad_token_id or 0,
                )
            return self._engine

    def close(self) -> None:
        with self._loading:
            engine = self._engine
        if engine is not None:
            engine.close()

    # -- Internalizer

    @property
    def base_fingerprint(self) -> str:
        return self.d2l.base_fingerprint

    @property
    def hypernet_fingerprint(self) -> str:
        return self.d2l.hypernet_fingerprint

    @cached_property
    def passage_tokens(self) -> int:
        from memory.text.cutting import CLAUSE_BUDGETS  # here, because verbs that only read rows cut nothing

        affixes = len(self._chunks("a")[0]) - self.count(["a"])[0]
        most = (self.d2l.config.max_chunk_tokens - affixes) // CLAUSE_BUDGETS
        return min(self._passage_tokens, max(1, most))

    @property
    def most_merged(self) -> int:
        return self.d2l.config.max_chunks

    def count(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        tokenizer = self.d2l.tokenizer
        with self._tokenizing:
            encoded = tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def generate(self, passages: Sequence[str]) -> list[LoRA]:
        return self._batcher(passages) if passages else []

    def _generate(self, passages: list[str]) -> list[LoRA]:
        from hypernet.lora.adapter import LoRA

        parts = [self._chunks(passage) for passage in passages]
        flat = [chunk for chunks in parts for chunk in chunks]
        try:
            made = iter(self.engine.run(lambda: self.d2l.generate(flat)))
        except (RuntimeError, ValueError) as error:
            raise ModelUnavailable(f"the hypernetwork could not internalize a text: {error}") from error
        return [LoRA.concat([next(made) for _ in chunks]) for chunks in parts]

    def look(self, image: Image, caption: str = "") -> Look:
        from hypernet.lora.adapter import LoRA

        if not self.d2l.sees:
            raise SeesNothing(
                "the model reads text alone: set MEMORY_MODEL to one with an image encoder, as `reference`"
            )
        told = self._chunks(caption) if caption.strip() else []

        def looked() -> Look | None:
            sight = self.d2l.sight
            if not sight.knows(image):
                return None
            made = self.d2l.generate([sight.turn([image]), *told])
            return Look(LoRA.concat(made), sight.describe(image))

        try:
            found = self.engine.run(looked)
        except (RuntimeError, ValueError, ImportError) as error:
            raise ModelUnavailable(f"the hypernetwork could not internalize a picture: {error}") from error
        if found is None:
            raise InvalidInput(
                "the image encoder of this model does not recognize the picture, so nothing was stored; "
                "tell what it shows as a text, or use a model with a larger image encoder"
            )
        return found

    def check(self, lora: LoRA) -> None:
        self.d2l.require_own(lora)

    def unpack(self, data: bytes) -> LoRA:
        return self.d2l.unpack(data)

    def combine(self, loras: Sequence[LoRA], weights: Sequence[float] | None = None) -> LoRA:
        return self.d2l.combine(list(loras), weights)

    def _chunks(self, passage: str) -> list[list[int]]:
        with self._tokenizing:
            return self.d2l.chunks(passage)

    # -- Generator

    @cached_property
    def window(self) -> int:
        config = self.d2l.base_model.config
        return int(config.get_text_config().max_position_embeddings)

    @property
    def waiting(self) -> int:
        return 0 if self._engine is None else self._engine.waiting

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(self._prompt(messages))

    def stream(self, request: GenerationRequest) -> Reply:
        from memory.backends.model.reply import Reply

        prompt = self._prompt(request.messages)
        room = self.window - len(prompt)
        if room < 1:
            raise InvalidInput(
                f"the prompt has {len(prompt)} tokens, the model reads {self.window}; shorten it"
            )
        reply = Reply(prompt, request, self._decode, self._end_ids, room, self.d2l.answer_opening)
        self.engine.submit(reply)
        return reply

    def score(self, trials: Sequence[Trial]) -> list[Score]:
        from hypernet.backbones.likelihood import Answered, Likelihood, likelihoods

        rows = [Answered(*self._answered(trial), trial.adapter) for trial in trials]
        pad_id = self.d2l.tokenizer.pad_token_id or 0
        found: list[Likelihood] = []
        for start in range(0, len(rows), self._max_batch):
            some = rows[start : start + self._max_batch]
            found += self.engine.run(partial(likelihoods, self.d2l.base_model, some, pad_id))
        return [Score(one.mean, one.greedy) for one in found]

    def _answered(self, trial: Trial) -> tuple[list[int], list[int]]:
        """Prompt and answer as the model itself would have them: its template decides how a reply begins."""
        asked = (*trial.before, Message("user", trial.question))
        prompt = self._prompt(asked)
        said = self.d2l.answer_opening + trial.answer
        whole = self._prompt((*asked, Message("assistant", said)), reply_follows=False)
        if whole[: len(prompt)] == prompt:
            answer = whole[len(prompt) :]
        else:
            with self._tokenizing:
                answer = list(self.d2l.tokenizer(said, add_special_tokens=False)["input_ids"])
        end = next((i for i, token in enumerate(answer) if token in self._end_ids), len(answer))
        ending = answer[end : end + 1] or sorted(self._end_ids)[:1]
        answer = [*answer[:end], *ending] if trial.whole else answer[:end]
        answer = answer[: self.window // 2]
        return prompt[-(self.window - len(answer)) :], answer

    def _prompt(self, messages: Sequence[Message], *, reply_follows: bool = True) -> list[int]:
        from jinja2 import TemplateError  # here, because verbs without a prompt need no templates

        said = [{"role": message.role, "content": message.text} for message in messages]
        try:
            return self._templated(said, reply_follows=reply_follows)
        except TemplateError as refusal:
            if said[0]["role"] != "system" or len(said) < 2:
                raise InvalidInput(
                    f"the model's chat template refuses these messages: {refusal}"
                ) from refusal
        # Some templates know no system role: what it says goes before what the user says.
        first = {**said[1], "content": f"{said[0]['content']}\n\n{said[1]['content']}"}
        return self._templated([first, *said[2:]], reply_follows=reply_follows)

    def _templated(self, said: list[dict[str, Any]], *, reply_follows: bool = True) -> list[int]:
        tokenizer = self.d2l.tokenizer
        if tokenizer.chat_template is None:
            raise ModelUnavailable(
                "the base model's tokenizer has no chat template; use an instruction-tuned model"
            )
        with self._tokenizing:
            return list(
                tokenizer.apply_chat_template(
                    said,
                    add_generation_prompt=reply_follows,
                    return_dict=False,
                    tokenizer_kwargs={"verbose": False},  # a prompt over the window is refused by us
                )
            )

    def _decode(self, ids: list[int]) -> str:
        with self._tokenizing:
            return str(
                self.d2l.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            )

    @cached_property
    def _end_ids(self) -> frozenset[int]:
        generation = getattr(self.d2l.base_model, "generation_config", None)
        known = getattr(generation, "eos_token_id", None)
        listed = known if isinstance(known, list) else [known]
        return frozenset(i for i in [*listed, self.d2l.tokenizer.eos_token_id] if i is not None)
