"""Text that grows token by token."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memory.backends.model.detokenize import TextStream


def bytes_as_text(ids: list[int]) -> str:
    return bytes(ids).decode(errors="replace")


def pieces_of(text: str, *stop: str) -> tuple[list[str], TextStream]:
    stream = TextStream(bytes_as_text, stop)
    pieces = []
    for byte in text.encode():
        pieces.append(stream.push(byte))
        if stream.stopped:
            break
    return [*pieces, stream.flush()], stream


@given(st.text(st.characters(exclude_characters="\ufffd", exclude_categories=["Cs"])))
def test_the_pieces_are_the_text_and_never_half_a_character(text: str) -> None:
    """Whatever the bytes of a character are split into, only whole characters come out."""
    pieces, _ = pieces_of(text)
    assert "".join(pieces) == text.strip()
    assert all("\ufffd" not in piece for piece in pieces)


def test_a_character_comes_out_with_its_last_byte() -> None:
    """An emoji of four bytes is silent for three of them."""
    pieces, _ = pieces_of("a🎈b")
    assert pieces == ["a", "", "", "", "🎈", "b", ""]


def test_a_stop_string_ends_the_text_before_it() -> None:
    """Neither the stop string nor anything after it is shown."""
    pieces, stream = pieces_of("one two STOP three", " STOP", "unused")
    assert "".join(pieces) == "one two"
    assert stream.stopped


def test_what_only_began_like_a_stop_string_is_shown() -> None:
    """Text held back comes out as soon as it can no longer become a stop string, or at the end."""
    pieces, stream = pieces_of("a STAR STO", "STOP")
    assert "".join(pieces) == "a STAR STO"
    assert not stream.stopped


def test_the_end_of_a_half_character_is_dropped() -> None:
    """A reply cut by its length within a character ends before that character."""
    stream = TextStream(bytes_as_text)
    shown = [stream.push(byte) for byte in "né🎈".encode()[:-1]]
    assert "".join(shown) + stream.flush() == "né"


@given(st.text(alphabet="aST \n", max_size=40))
def test_pieces_and_whole_are_equal_at_both_ends(text: str) -> None:
    """No white space before or behind them, whether a stop string ended them or not."""
    pieces, _ = pieces_of(text, "STS")
    assert "".join(pieces) == text.strip().partition("STS")[0].strip()


def test_a_blank_as_stop_string_leaves_the_first_word() -> None:
    """Models begin replies with one, which ends nothing."""
    pieces, stream = pieces_of(" Biscuit is it", " ")
    assert "".join(pieces) == "Biscuit"
    assert stream.stopped
