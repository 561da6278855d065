"""What Embedder promises, on every implementation."""

from __future__ import annotations

import numpy as np
import pytest

from memory.ports import Embedder

TEXTS = ["My dog is called Biscuit.", "The invoice is due in May.", "", "🙂 שלום", "x" * 5000, "word " * 600]


class EmbedderConformance:
    """What Embedder promises, on every implementation."""

    def test_vectors_are_rows_of_length_one(self, embedder: Embedder) -> None:
        """float32 [N, D], whatever the text."""
        found = embedder.embed(TEXTS)
        assert (found.shape, str(found.dtype)) == ((len(TEXTS), embedder.dim), "float32")
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)

    def test_no_texts_give_no_vectors(self, embedder: Embedder) -> None:
        """[0, D]."""
        assert embedder.embed([]).shape == (0, embedder.dim)

    def test_a_text_has_the_same_vector_in_any_company(self, embedder: Embedder) -> None:
        """Order and batch do not matter."""
        alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
        np.testing.assert_allclose(embedder.embed(TEXTS), alone, atol=1e-5)

    @pytest.mark.parametrize("question", ["What is my dog called?", "when is the invoice due"])
    def test_a_question_is_nearest_to_what_answers_it(self, embedder: Embedder, question: str) -> None:
        """Which is what memories are found by."""
        cosines = embedder.embed(TEXTS[:2]) @ embedder.embed([question])[0]
        assert cosines.argmax() == (0 if "dog" in question else 1)
