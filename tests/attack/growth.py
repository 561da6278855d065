"""How a function's time grows with a hostile text: linearly, or one request can stop a server."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from math import log2

LARGE = int(os.environ.get("ATTACK_SIZE", "1")) > 1  # `make attack`
SIZES = (1 << 14, 1 << 20) if LARGE else (1 << 9, 1 << 12)  # characters
MOST = 2.2  # times as long for twice the text
MOST_S = 60.0 if LARGE else 4.0  # that any text takes: where length is bounded, the bound may be too large
FLOOR_S = 0.1 if LARGE else 0.005  # less is not measured: what is quadratic takes far longer

Family = Callable[[int], str]


def repeated(part: str) -> Family:
    return lambda size: (part * (size // len(part) + 1))[:size]


def around(run: str, *, before: str = "a", after: str = "b") -> Family:
    """A long run between two words."""
    return lambda size: before + repeated(run)(size - len(before) - len(after)) + after


FAMILIES: dict[str, Family] = {
    **{f"{part!r} again and again": repeated(part) for part in (
        "a", "A", "Ab", "é", "ß", "😀", "7", "_", "-", "'", "’", '"', "”", "(", "(]", ",", ".", "?", "。",
        "$", "/", " ", "\n", "\t", "a'", "'s", "a's ", "7.", "7,", "$7", "7_", "a-", "A-", "a,", "a, ", "a; ",
        ". ", "A. ", "e.g. ", "Mr. ", ".\"", "? ", "a? ", "?'", "a\n", " \n", "a \n", " and",
        "and I ", ", and I ", " but we ", "Ab Cd ", "Ab de ", "hi ", "\\a", "so\n", "so ", "by the way ",
        "what ", "what is it ",
        "is it? ", "what is it, ", "I a, is it, ", "is i a, is it, ", "my a ", "my my ", "not ",
        "no longer ", "old is ",
        "User: ", "User: a\n", "Assistant: a\n", "Assistant: Is it?\n", "I moved from ", "moved from a ",
        "My dog is called Ben. ", "My dog is called Ben\n", "My PIN is 4821. ", "has the ", "from a to ",
        "x: ", "(User: ", "I called my ", "remember ", "tell me ", "a to a is a ", "the the is is ",
        "at 7 pm ",
    )},
    **{f"{run!r} between words": around(run) for run in (" ", "\n", "\t", " \n", "\n ", ".", "'", ",", "-")},
    "quotes behind a dot": around('"', before="."),
    "quotes behind a question": around("'", before="Is it?", after=" a"),
    "a word behind a label": around("a", before="User: ", after=":"),
    "a question without end": lambda size: "What" + repeated(" is it")(size - 5) + "?",
    "a question of many clauses": lambda size: "What is it" + repeated(", what is it")(size - 11) + "?",
    "statements before a question": lambda size: "I a" + repeated(", a")(size - 16) + ", is it mine?",
    "clauses of 290": lambda size: repeated("my " * 96 + "is.\n")(size),
    "owners in clauses of 290": lambda size: repeated("my a has " * 32 + "is.\n")(size),
    "words in clauses of 290": lambda size: repeated("a" * 290 + ".\n")(size),
}  # fmt: skip


def check_growth(function: Callable[[str], object], family: Family, sizes: tuple[int, int] = SIZES) -> None:
    """Fail where twice the text takes more than `MOST`-fold time, over all doublings and over one more.

    A machine takes longer from some size on, where memory has to be asked for, and then goes on as before;
    what is quadratic takes four times as long with each doubling.
    """
    small, large, beyond = (family(size) for size in (*sizes, 2 * sizes[1]))
    longest = _cpu_s(function, large)
    if longest < FLOOR_S:
        return
    assert longest < MOST_S, f"{sizes[1]} characters take {longest:.1f} s"
    best, further = _cpu_s(function, small), 0.0
    factor = sizes[1] / sizes[0]
    for _ in range(4):
        if longest <= MOST ** log2(factor) * max(best, FLOOR_S / factor):
            return
        further = _cpu_s(function, beyond)
        if further <= MOST * longest:
            return
        best, longest = max(best, _cpu_s(function, small)), min(longest, _cpu_s(function, large))
    found = f"{sizes[0]} characters take {best:.4f} s, {sizes[1]} take {longest:.4f} s"
    raise AssertionError(f"{found}, twice as many {further:.4f} s")


def _cpu_s(function: Callable[[str], object], text: str) -> float:
    gc.disable()  # its passes take time that grows with what other tests have left
    began = time.process_time()
    try:
        function(text)
        return time.process_time() - began
    finally:
        gc.enable()
