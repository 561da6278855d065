"""Opening pictures: what they hold, what is dropped of them, and what is refused."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from hypernet.backbones.pictures import MAX_PIXELS, open_picture, open_pictures
from hypernet.doc_to_lora import DocToLoRA

RED, BLUE = (255, 0, 0), (0, 0, 255)


def two_colours() -> PIL.Image.Image:
    """Red left of blue."""
    image = PIL.Image.new("RGB", (20, 10), RED)
    image.paste(BLUE, (10, 0, 20, 10))
    return image


def encoded(image: PIL.Image.Image, kind: str, **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_format_is_known_by_its_content(tmp_path: Path, kind: str) -> None:
    """Whatever the file is called; a path and its bytes give the same pixels."""
    path = tmp_path / "notes.txt"
    path.write_bytes(encoded(two_colours(), kind, **({"lossless": True} if kind == "WEBP" else {})))
    opened = open_picture(path)
    assert (opened.mode, opened.size) == ("RGB", (20, 10))
    assert np.allclose(np.asarray(opened)[5, [2, 17]], [RED, BLUE], atol=6)
    assert np.array_equal(np.asarray(opened), np.asarray(open_picture(path.read_bytes())))


def test_exif_turns_the_picture_and_is_dropped() -> None:
    """A photograph taken upside down; its location goes nowhere."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    exif.get_ifd(0x8825)[1] = "N"
    opened = open_picture(encoded(two_colours(), "JPEG", exif=exif.tobytes(), quality=95))
    assert np.allclose(np.asarray(opened)[5, [2, 17]], [BLUE, RED], atol=30)
    assert not opened.info
    assert not opened.getexif()


def test_transparency_becomes_white() -> None:
    """What lies under a transparent pixel is not shown."""
    clear = PIL.Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert np.asarray(open_picture(encoded(clear, "PNG"))).min() == 255


def test_a_pixel_bomb_is_refused_before_it_is_decoded() -> None:
    """A PNG of a few bytes that claims to hold more pixels than are read, or than Pillow itself allows."""
    for side in (7_000, 60_000):
        with pytest.raises(ValueError, match=f"{MAX_PIXELS:,}"):
            open_picture(png_of(side, side))


@pytest.mark.parametrize(
    "data", [b"", b"GIF", b"not an image", b"%PDF-1.7", b"<svg/>", encoded(two_colours(), "TIFF")]
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not an image: expected PNG, JPEG"):
        open_picture(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_damaged_image_gives_one_error(kind: str) -> None:
    """Cut off or with bytes changed: pixels, or a ValueError, never another error."""
    noise = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    whole, rng = encoded(noise, kind), np.random.default_rng(1)
    with pytest.raises(ValueError, match="image"):
        open_picture(whole[: len(whole) // 2])
    for _ in range(100):
        broken = np.frombuffer(whole, np.uint8).copy()
        broken[rng.integers(0, len(broken), 8)] = rng.integers(0, 256, 8)
        try:
            assert open_picture(broken.tobytes()).mode == "RGB"
        except ValueError as error:
            assert "image" in str(error)  # noqa: PT017  either outcome is right


def test_one_picture_or_several() -> None:
    assert [image.size for image in open_pictures(two_colours())] == [(20, 10)]
    assert len(open_pictures([two_colours(), encoded(two_colours(), "PNG")])) == 2
    assert open_pictures(()) == []


def test_without_pillow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match=r"parametric-memory\[images\]"):
        open_picture(b"GIF89a")


def test_a_model_without_an_image_encoder_says_so(tiny_d2l: DocToLoRA) -> None:
    """In the words of the model that refuses, not of its inner parts."""
    with pytest.raises(ValueError, match="reads text alone: images need a hypernetwork"):
        tiny_d2l.internalize(image=two_colours())


def test_no_picture_at_all_is_an_error(tiny_d2l: DocToLoRA) -> None:
    """An empty list is not the same as leaving it out."""
    with pytest.raises(ValueError, match="expected an image or several, found none"):
        tiny_d2l.internalize("A text.", image=[])


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header claims these sizes, and whose pixels are missing."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(b"")) + part(b"IEND", b"")
    )
