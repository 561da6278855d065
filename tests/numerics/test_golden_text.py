"""Chat rendering and chunking as the public Doc-to-LoRA code does them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hypernet.backbones.chat_templates import TEMPLATES
from hypernet.backbones.chunking import split
from tests.numerics.golden import golden


def load(name: str) -> Any:
    return json.loads((golden("text") / name).read_text())


def test_ids_are_split_as_in_the_reference() -> None:
    """Every case, affixes of every published base included."""
    cases = load("chunking.json")
    assert cases["cases"]
    for case in cases["cases"]:
        pair = cases["affixes"][case["base"]]
        start, stop = map(int, case["ctx_ids"].removeprefix("range(").removesuffix(")").split(","))
        ids = list(range(start, stop))
        assert split(ids, pair["prefix"], pair["suffix"], case["max_chunk_len"]) == case["chunks"], case


@pytest.mark.parametrize("base", TEMPLATES)
def test_chats_are_rendered_as_in_the_reference(base: str) -> None:
    """Every rendering the reference's templates gave, character by character."""
    recorded = load("chat_render.json")
    known = {name.rpartition("/")[2]: name for name in recorded["cases"]}
    name = known[base]
    template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(
        TEMPLATES[base]
    )
    tokens = {"bos_token": recorded["bos"].get(name, ""), "eos_token": recorded["eos"].get(name, "")}
    assert recorded["cases"][name]
    for case in recorded["cases"][name]:
        rendered = template.render(
            messages=case["messages"], add_generation_prompt=case["add_generation_prompt"], **tokens
        )
        assert rendered == case["rendered"]
