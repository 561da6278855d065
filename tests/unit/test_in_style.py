"""Values in the styles that skills ask for, which a small model cannot always spell."""

from __future__ import annotations

import pytest

from memory.read.in_style import in_style


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
        ("It is called Bisc.", "Biscuit", "It is called Biscuit."),
        ("La réponse est Tisbon.", "Lisbon", "La réponse est Lisbon."),
        ("*Cliscuit*", "Biscuit", "*Biscuit*"),
        ("[Tmmens]", "Siemens", "[Siemens]"),
        ('{"answer": "Tmma Cole"}', "Siemens", '{"answer": "Siemens"}'),
        ("<answer>Cunhe HP</answer>", "Emma Cole", "<answer>Emma Cole</answer>"),
        ("- Smma Cole", "Emma Cole", "- Emma Cole"),
        ("No idea!", "Biscuit", "Biscuit!"),
        ("That is private.", "4821", "That is private."),
        ("*unknown*", "Biscuit", "*unknown*"),
        ("known", "Biscuit", "known"),
        ("B", "Biscuit", "B"),
        ("EMC", "Emma Mary Cole", "EMC"),
        ("Arr, Tisbon!", "Lisbon", "Arr, Lisbon!"),
        ('{"answer": "Smma"}', "C:\\notes", '{"answer": "Smma"}'),
        ("!", "?", "!"),
        ('{"answer": "x"}', "", '{"answer": "x"}'),
        ("BAPROAN", "", "BAPROAN"),
        ("МОСТ", "Москва", "МОСКВА"),
    ],
)
def test_a_garbled_value_is_said_as_it_was_told(reply: str, value: str, said: str) -> None:
    """Exact where it is more than words; a reply that has the value, or another style, stays."""
    assert in_style(reply, value) == said
