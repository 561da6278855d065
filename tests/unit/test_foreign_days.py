"""Days that German, Spanish and French count from the speaker's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memory.text.dates import dated

SAID = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("Morgen um 10 habe ich einen Termin.", "on 1 December 2026 um 10 habe ich einen Termin."),
        ("Ich habe übermorgen eine Prüfung.", "Ich habe on 2 December 2026 eine Prüfung."),
        (
            "Gestern war ich beim Arzt und der Hund auch.",
            "on 29 November 2026 war ich beim Arzt und der Hund auch.",
        ),
        ("Mañana tengo cita con el médico.", "on 1 December 2026 tengo cita con el médico."),
        ("Demain je vais chez le dentiste.", "on 1 December 2026 je vais chez le dentiste."),
        ("Avant-hier nous étions chez mes parents.", "on 28 November 2026 nous étions chez mes parents."),
    ],
)
def test_a_day_is_read_as_its_date(told: str, read: str) -> None:
    """By the day on which it was said."""
    assert dated(told, SAID) == read


@pytest.mark.parametrize(
    "told",
    [
        "Guten Morgen, ich habe einen Hund.",
        "Am Morgen trinke ich Tee und esse ein Ei.",
        "Herr Morgen und die Katze sind da.",
        "Trabajo por la mañana y mi hermana también.",
        "My boss is Piers Morgen.",
        "Morgen!",
    ],
)
def test_what_is_no_day_stays(told: str) -> None:
    """A greeting, a part of the day, a name, and a text of another language."""
    assert dated(told, SAID) == told
