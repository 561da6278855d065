"""The network for skills that comes with the package: how it is said changes, what is remembered stays."""

from __future__ import annotations

import pytest

from hypernet import DocToLoRA, LoRA, TextToLoRA, apply, reference_path
from hypernet.training.data.styles import STYLES

UNSEEN = (  # descriptions that training never saw, and what they make of the answer 4821
    ("Only the bare value, no extra words.", "4821"),
    ("Use complete, well-formed sentences when replying.", "The answer is 4821."),
    ("Talk like a gracious hotel receptionist.", "4821, with pleasure."),
    ("Show that it was the user who said this.", "You told me: 4821"),
)


@pytest.fixture(scope="module")
def models() -> tuple[DocToLoRA, TextToLoRA]:
    folder = reference_path()
    skills = TextToLoRA.from_pretrained(folder / "skills", device="cpu")
    return DocToLoRA.from_pretrained(folder, device="cpu"), skills


def answer(memory: DocToLoRA, lora: LoRA, question: str) -> str:
    asked = memory.tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt"
    )
    with apply(memory.base_model, lora):
        said = memory.base_model.generate(**asked, max_new_tokens=24, do_sample=False)
    start = asked["input_ids"].size(1)
    return str(memory.tokenizer.decode(said[0, start:], skip_special_tokens=True)).strip()


@pytest.mark.parametrize(("description", "said"), UNSEEN)
def test_a_description_changes_how_a_memory_is_told(
    models: tuple[DocToLoRA, TextToLoRA], description: str, said: str
) -> None:
    """Merged with a text's adapter it keeps both: what was told, and the style that was asked for."""
    memory, skills = models
    known = memory.internalize("Anna's door code is 4821. I live in Lisbon.")
    assert description not in {text for style in STYLES.values() for text in style.descriptions}
    both = LoRA.concat([known, skills.generate(description)])
    assert answer(memory, both, "What is Anna's door code?") == said
