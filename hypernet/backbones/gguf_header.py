"""Reads GGUF headers defensively: sizes are checked against the file before they are used.

Layout (little-endian): magic, version, how many tensors and entries; the entries (key, kind, value); of each
tensor its name, shape, kind and offset; padding; the data. A file that ends early, or whose counts cannot
be true, is found here, in milliseconds, before anything is allocated for it.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_ALIGNMENT = 32


@dataclass(frozen=True)
class Header:
    """The scalar and string entries, and how many numbers all tensors hold together."""

    entries: dict[str, Any]
    elements: int

    @property
    def architecture(self) -> str:
        return str(self.entries.get("general.architecture", "unknown"))


def read(path: Path, block_sizes: dict[int, tuple[int, int]]) -> Header:
    """The header of the file, whose tensors are known to lie whole in it.

    ``block_sizes`` is {kind of tensor: (elements, bytes) of one block}. Raises ValueError, in one line, for a
    file that is not GGUF, is cut off or contradicts itself.
    """
    size = path.stat().st_size
    if size < 24:
        raise ValueError(f"it has {size} bytes, too few for a GGUF file")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] != MAGIC:
            raise ValueError("it does not begin as a GGUF file does")
        return _Walk(data).header(block_sizes)


class _Walk:
    """A position in the file that never leaves it."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 4

    def header(self, block_sizes: dict[int, tuple[int, int]]) -> Header:
        version = self.number("I")
        if version not in _VERSIONS:
            raise ValueError(f"it is GGUF of version {version}; versions 2 and 3 can be read")
        tensors, count = self.number("Q"), self.number("Q")
        entries = {}
        for _ in range(self.plausible(count, 12)):
            key = self.text()
            entries[key] = self.value(self.number("I"))
        sizes = [self.tensor(block_sizes) for _ in range(self.plausible(tensors, 24))]
        alignment = int(entries.get("general.alignment") or _ALIGNMENT)
        begin = -(-self.at // alignment) * alignment
        needed = begin + max((offset + nbytes for offset, nbytes, _ in sizes), default=0)
        if needed > len(self.data):
            raise ValueError(f"it is cut off: its tensors need {needed:,} bytes, it has {len(self.data):,}")
        return Header(entries, sum(elements for _, _, elements in sizes))

    def take(self, count: int) -> int:
        """The position before ``count`` bytes, which are now behind."""
        begin = self.at
        if count > len(self.data) - begin:
            raise ValueError("it is damaged or cut off: its header runs past its end")
        self.at += count
        return begin

    def plausible(self, count: int, least: int) -> int:
        """A count of things of at least so many bytes each."""
        if count * least > len(self.data) - self.at:
            raise ValueError(
                f"it is damaged or cut off: its header counts {count:,} entries, too many for it"
            )
        return count

    def number(self, code: str) -> Any:
        return struct.unpack_from("<" + code, self.data, self.take(struct.calcsize("<" + code)))[0]

    def text(self) -> str:
        length = self.number("Q")
        begin = self.take(length)
        try:
            return self.data[begin : begin + length].decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError("it is damaged: a name in its header is not UTF-8") from error

    def skip_text(self) -> None:
        self.take(self.number("Q"))

    def value(self, kind: int) -> Any:
        """A scalar or a string; None for an array, which is passed over."""
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            raise ValueError(f"it is damaged: its header has a value of kind {kind}, which there is not")
        inner, count = self.number("I"), self.number("Q")
        if inner in _SCALARS:
            self.take(count * struct.calcsize("<" + _SCALARS[inner]))
        else:
            for _ in range(self.plausible(count, 8)):
                self.skip_text() if inner == _STRING else self.value(inner)
        return None

    def tensor(self, block_sizes: dict[int, tuple[int, int]]) -> tuple[int, int, int]:
        """Offset, bytes and elements of the next tensor."""
        name = self.text()
        dims = [self.number("Q") for _ in range(self.plausible(self.number("I"), 8))]
        kind, offset = self.number("I"), self.number("Q")
        if kind not in block_sizes:
            raise ValueError(f"tensor {name} has numbers of kind {kind}, which cannot be read")
        block, nbytes = block_sizes[kind]
        return offset, prod(dims) // block * nbytes, prod(dims)
