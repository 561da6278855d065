"""Answers in capitals, which a skill asks for and a small model cannot spell."""

from __future__ import annotations

import pytest

from memory.read.finishing import in_capitals


@pytest.mark.parametrize(
    ("reply", "value", "said"),
    [
        ("BAPROAN", "Biscuit", "BISCUIT"),
        ("I DON'T KNOW.", "Biscuit", "BISCUIT"),
        ("DrILAN", "Carla Mendez", "CARLA MENDEZ"),
        ("THE DOG IS CALLED BISCUIT.", "Biscuit", "THE DOG IS CALLED BISCUIT."),
        ("MOOSELANTERN42", "mooseLantern42", "mooseLantern42"),
        ("She works at NASA.", "NASA", "She works at NASA."),
        ("It is called Biscuit.", "Biscuit", "It is called Biscuit."),
        ("It is called Bisc.", "Biscuit", "It is called Bisc."),
        ("BAPROAN", "", "BAPROAN"),
        ("МОСТ", "Москва", "МОСКВА"),
    ],
)
def test_a_garbled_value_in_capitals_is_said_as_it_was_told(reply: str, value: str, said: str) -> None:
    """Exact where it is more than words; a reply that has the value, or another style, stays."""
    assert in_capitals(reply, value) == said
