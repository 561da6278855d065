"""What Internalizer promises, whatever its networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from memory.ports import Internalizer

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA

PASSAGES = ["My dog is called Biscuit.", "The invoice is due in May.", "Tea."]


Effect = Mapping[str, NDArray[np.float32]]


def effect(lora: LoRA) -> Effect:
    """``scaling * B^T A`` of each module's first layer, [d_out, d_in]."""
    factors = {m: (lora.A[m][0].float().cpu().numpy(), lora.B[m][0].float().cpu().numpy()) for m in lora.A}
    return {m: np.asarray(lora.scaling * b.T @ a, np.float32) for m, (a, b) in factors.items()}


def assert_close(one: Effect, other: Effect) -> None:
    """Both do the same to the base model."""
    assert one.keys() == other.keys()
    for module, delta in one.items():
        np.testing.assert_allclose(delta, other[module], rtol=1e-3, atol=1e-5)


class InternalizerConformance:
    """Text becomes adapters, one a passage, and their merge is their exact sum."""

    def test_it_says_what_its_adapters_fit(self, internalizer: Internalizer) -> None:
        """The same names each time, so that rows of one run fit the next."""
        names = (internalizer.base_fingerprint, internalizer.hypernet_fingerprint)
        assert all(names)
        assert names == (internalizer.base_fingerprint, internalizer.hypernet_fingerprint)
        assert internalizer.passage_tokens >= 1
        assert internalizer.most_merged >= 1

    def test_texts_are_counted_in_tokens(self, internalizer: Internalizer) -> None:
        """Each for itself; a longer one has more, and no texts have no counts."""
        short, long = internalizer.count(["tea", "tea and milk and sugar"])
        assert 1 <= short < long
        assert internalizer.count([]) == []

    def test_each_passage_has_an_adapter_of_its_own(self, internalizer: Internalizer) -> None:
        """Whatever it is made beside; none for none."""
        together = internalizer.generate(PASSAGES)
        alone = [internalizer.generate([passage])[0] for passage in PASSAGES]
        for one, other in zip(together, alone, strict=True):
            assert_close(effect(one), effect(other))
        assert internalizer.generate([]) == []

    def test_an_adapter_survives_being_stored(self, internalizer: Internalizer) -> None:
        """As the bytes that a blob store keeps."""
        from hypernet.lora.adapter import LoRA

        [made] = internalizer.generate(PASSAGES[:1])
        assert_close(effect(LoRA.from_bytes(made.to_bytes("float32"))), effect(made))

    @pytest.mark.parametrize("weights", [None, (1.0, 0.5)])
    def test_a_merge_is_the_exact_sum(
        self, internalizer: Internalizer, weights: Sequence[float] | None
    ) -> None:
        """The bias adapter is in it once, however many are merged, and weights scale the others alone."""
        one, two = internalizer.generate(PASSAGES[:2])
        first, second = (1.0, 1.0) if weights is None else weights
        merged = effect(internalizer.combine([one, two], weights))
        biased, added = effect(internalizer.combine([one], [first])), effect(two.scaled(second))
        assert_close(merged, {module: biased[module] + added[module] for module in merged})
