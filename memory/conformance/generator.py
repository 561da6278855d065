"""What Generator promises, whatever the model says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from memory.errors import InvalidInput
from memory.ports import GenerationRequest, Generator, Internalizer, Merge, MergedAdapter, Trial
from memory.records import Message

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA

FACTS = ["My dog is called Biscuit.", "My cat is called Onyx.", "My horse is called Rain."]
QUESTION = (Message("user", "What is my dog called?"),)
LENGTH = 8  # tokens of a reply


def adapter(internalizer: Internalizer, *facts: str) -> LoRA:
    return internalizer.combine(internalizer.generate(facts))


def reply(generator: Generator, lora: LoRA | Merge | None = None) -> str:
    return "".join(generator.stream(GenerationRequest(QUESTION, lora, max_new_tokens=LENGTH)))


class GeneratorConformance:
    """Each request is answered by the base model under its own adapter, and leaves no trace."""

    def test_its_base_is_that_of_the_adapters(self, generator: Generator, internalizer: Internalizer) -> None:
        """Or every turn with adapters would be refused."""
        assert generator.base_fingerprint == internalizer.base_fingerprint

    def test_prompts_are_counted_as_they_are_read(self, generator: Generator) -> None:
        """More messages have more tokens; a reply tells the same number."""
        counted = generator.count_tokens(QUESTION)
        assert 1 <= counted < generator.count_tokens([Message("system", "Be brief."), *QUESTION])
        generation = generator.stream(GenerationRequest(QUESTION, max_new_tokens=LENGTH))
        list(generation)
        assert generation.prompt_tokens == counted
        assert 1 <= generation.completion_tokens <= LENGTH

    def test_a_greedy_reply_is_the_same_each_time(self, generator: Generator) -> None:
        """Nothing is left of the one before."""
        assert reply(generator) == reply(generator)

    def test_an_adapter_leaves_no_trace(self, generator: Generator, internalizer: Internalizer) -> None:
        """The bare model answers after it as it did before."""
        bare = reply(generator)
        reply(generator, adapter(internalizer, FACTS[0]))
        assert reply(generator) == bare

    def test_no_request_sees_the_adapter_of_another(
        self, generator: Generator, internalizer: Internalizer
    ) -> None:
        """Answered at the same time, each gets the reply that it gets alone."""
        adapters = [None, *(adapter(internalizer, fact) for fact in FACTS)]
        alone = [reply(generator, lora) for lora in adapters]
        with ThreadPoolExecutor(len(adapters)) as pool:
            together = list(pool.map(lambda lora: reply(generator, lora), adapters))
        assert together == alone

    def test_a_merge_by_name_is_the_merge(self, generator: Generator, internalizer: Internalizer) -> None:
        """Whether an engine takes the names or the tensors, the reply is that of the adapters."""
        [made] = internalizer.generate(FACTS[:1])
        named = (MergedAdapter("memory", self.stored(generator, made), 1.0),)
        merge = Merge("default", internalizer.base_fingerprint, named, lambda: internalizer.combine([made]))
        assert reply(generator, merge) == reply(generator, internalizer.combine([made]))

    def stored(self, generator: Generator, lora: LoRA) -> str:  # noqa: ARG002
        """The digest under which the generator finds an adapter; override it for one that takes names."""
        return "0" * 64

    def test_a_prompt_over_the_window_is_refused(self, generator: Generator) -> None:
        """Before anything is generated."""
        long = Message("user", "word " * (generator.window + 1))
        with pytest.raises(InvalidInput):
            list(generator.stream(GenerationRequest((long,))))

    def test_a_generation_can_be_cancelled(self, generator: Generator) -> None:
        """The rest of it does not come, and the next request is answered."""
        generation = generator.stream(GenerationRequest(QUESTION, max_new_tokens=LENGTH))
        generation.close()
        assert reply(generator) == reply(generator)

    def test_answers_are_scored_in_their_order(
        self, generator: Generator, internalizer: Internalizer
    ) -> None:
        """One score a trial, each a logarithm of a chance; none for none."""
        lora = adapter(internalizer, FACTS[0])
        trials = [Trial("What is my dog called?", answer, lora) for answer in ("Biscuit", "Onyx")]
        scores = generator.score([*trials, Trial("What is my dog called?", "Biscuit")])
        assert len(scores) == 3
        assert all(score.likelihood <= 0 for score in scores)
        again = generator.score(trials[1:])
        assert again[0].likelihood == pytest.approx(scores[1].likelihood, abs=1e-3)
        assert generator.score([]) == []
