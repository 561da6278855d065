"""Context distillation: the adapter answers as the model that has the text in its prompt."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import typer
from transformers import PreTrainedTokenizerFast

from hypernet import LoRA, apply
from hypernet.distill import distill, main, write_questions
from hypernet.doc_to_lora import DocToLoRA

TEXT = "The kettle is red."
QUESTIONS = ["Colour?", "What is red?"]


def greedy(d2l: DocToLoRA, said: list[dict[str, str]], lora: LoRA | None, count: int = 6) -> list[int]:
    """The first tokens of the reply."""
    asked = d2l.tokenizer.apply_chat_template(said, add_generation_prompt=True, return_tensors="pt")
    with apply(d2l.base_model, [lora]):
        out = d2l.base_model.generate(**asked, max_new_tokens=count, do_sample=False, pad_token_id=0)
    ids: list[int] = out[0, asked["input_ids"].size(1) :].tolist()
    return ids


def test_the_pupil_says_what_the_teacher_says(tiny_d2l: DocToLoRA) -> None:
    """With the adapter and no text it replies as with the text in the prompt; without, it does not."""
    base, tokenizer = tiny_d2l.base_model, tiny_d2l.tokenizer
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    lora = distill(
        base, tokenizer, TEXT, questions=QUESTIONS, rank=16, steps=250, reply_tokens=6, progress=False
    )
    assert (lora.rank, lora.modules) == (16, ("down_proj",))
    for question in QUESTIONS:
        user = {"role": "user", "content": question}
        taught = greedy(tiny_d2l, [{"role": "system", "content": TEXT}, user], None)
        assert greedy(tiny_d2l, [user], lora) == taught
        assert greedy(tiny_d2l, [user], None) != taught
    assert all(torch.equal(tensor, before[name]) for name, tensor in base.state_dict().items())
    assert all(parameter.grad is None for parameter in base.parameters())


def test_one_seed_gives_one_adapter(tiny_d2l: DocToLoRA) -> None:
    """Another seed another."""
    base, tokenizer = tiny_d2l.base_model, tiny_d2l.tokenizer

    def made(seed: int) -> torch.Tensor:
        lora = distill(
            base, tokenizer, TEXT, questions=QUESTIONS, steps=3, seed=seed, reply_tokens=4, progress=False
        )
        return lora.B["down_proj"]

    assert torch.equal(made(1), made(1))
    assert not torch.equal(made(1), made(2))


def test_without_questions_the_text_itself_is_practised(tiny_d2l: DocToLoRA) -> None:
    """A model that writes no questions still learns to tell the text: its loss on it falls by half."""
    base, tokenizer = tiny_d2l.base_model, tiny_d2l.tokenizer
    assert write_questions(base, tokenizer, TEXT, count=2) == []
    lora = distill(
        base, tokenizer, TEXT, steps=100, questions=[], target_modules=("down_proj", "q_proj"), progress=False
    )
    ids = torch.tensor([tokenizer(f"\n{TEXT}")["input_ids"]])
    start = torch.tensor([[*ids[0].tolist(), *ids[0].tolist()]])
    with torch.no_grad():
        wanted = base(start).logits[0, ids.size(1) : -1].log_softmax(-1)
        bare = base(ids).logits[0, :-1].log_softmax(-1)
        with apply(base, lora):
            found = base(ids).logits[0, :-1].log_softmax(-1)
    far, near = ((wanted.exp() * (wanted - said)).sum() for said in (bare, found))
    assert near < far / 2


def test_what_cannot_be_distilled_is_refused(tiny_d2l: DocToLoRA) -> None:
    """Blank text, more than the window reads, and a module that the base has not."""
    base, tokenizer = tiny_d2l.base_model, tiny_d2l.tokenizer
    with pytest.raises(ValueError, match="blank"):
        distill(base, tokenizer, " ", progress=False)
    with pytest.raises(ValueError, match="the model reads 256: distil it in parts"):
        distill(base, tokenizer, "word " * 100, questions=["Who?"], progress=False)
    with pytest.raises(ValueError, match="no_proj"):
        distill(base, tokenizer, TEXT, questions=["Who?"], target_modules=("no_proj",), progress=False)


def test_the_command_writes_an_adapter(
    tmp_path: Path,
    tiny_d2l: DocToLoRA,
    byte_tokenizer: PreTrainedTokenizerFast,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a PEFT folder; a base that is nowhere is one line, and so is a file where the folder goes."""
    tiny_d2l.base_model.save_pretrained(tmp_path / "base")
    byte_tokenizer.save_pretrained(tmp_path / "base")
    (tmp_path / "notes.txt").write_text(TEXT)
    given = {"text": tmp_path / "notes.txt", "folder": tmp_path / "out", "question": ["Colour?"], "steps": 2}
    main(str(tmp_path / "base"), **given)  # type: ignore[arg-type]
    assert capsys.readouterr().out.strip() == str(tmp_path / "out")
    assert LoRA.from_pretrained(tmp_path / "out").rank == 8
    with pytest.raises(typer.Exit):
        main(str(tmp_path / "nowhere"), **given)  # type: ignore[arg-type]
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("distill: cannot load the model")
    with pytest.raises(typer.Exit):
        main(str(tmp_path / "base"), **{**given, "folder": tmp_path / "notes.txt"})  # type: ignore[arg-type]
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"distill: {tmp_path / 'notes.txt'} is a file; the adapter is written as a folder"
    assert (tmp_path / "notes.txt").read_text() == TEXT
