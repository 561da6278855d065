"""Two adapters in one: a text's says what is known, that of a task's description how it is said."""

from __future__ import annotations

from hypernet import DocToLoRA, LoRA, TextToLoRA, apply, reference_path

TOLD = "My dog is called Biscuit."
QUESTION = "What is my dog called?"
DESCRIPTIONS = (
    "Only the bare value, no extra words.",
    "Use complete, well-formed sentences when replying.",
    "Talk like a gracious hotel receptionist.",
    "Show that it was the user who said this.",
)


def main() -> None:
    memory = DocToLoRA.from_pretrained(reference_path())
    skills = TextToLoRA.from_pretrained(reference_path() / "skills")
    known = memory.internalize(TOLD)
    asked = memory.tokenizer.apply_chat_template(
        [{"role": "user", "content": QUESTION}], add_generation_prompt=True, return_tensors="pt"
    )
    for description in DESCRIPTIONS:
        with apply(memory.base_model, LoRA.concat([known, skills.generate(description)])):
            said = memory.base_model.generate(**asked, max_new_tokens=24, do_sample=False)
        text = memory.tokenizer.decode(said[0, asked["input_ids"].size(1) :], skip_special_tokens=True)
        print(f"{description:52} {text.strip()}")


if __name__ == "__main__":
    main()
