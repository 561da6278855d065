"""Image files -> plain RGB pixels: bounded, turned upright, and without anything else the file carries."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # known by their content, whatever the file is called
MAX_PIXELS = 40_000_000
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error)

Picture = Any
"""A path, the bytes of a file, or a PIL image."""


def open_pictures(sources: Picture | Sequence[Picture]) -> list[Image]:
    """One picture or several, opened."""
    several = isinstance(sources, Sequence) and not isinstance(sources, str | bytes)
    return [open_picture(source) for source in (sources if several else [sources])]


def open_picture(source: Picture) -> Image:
    """The pixels of a picture in RGB, turned as its EXIF says; of an animation the first frame.

    Transparency becomes white; EXIF, location and comments are dropped. Raises FileNotFoundError for a path
    that leads nowhere, ValueError for what is not an image of ``FORMATS``, is damaged or has more than
    ``MAX_PIXELS`` (its pixels are not decoded then), and ModuleNotFoundError where Pillow is missing.
    """
    image = _opened(source)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"the image has {width} x {height} pixels, at most {MAX_PIXELS:,} are read")
    try:
        return _plain(image)
    except _DAMAGED as error:
        raise ValueError(f"the image is damaged: {error}") from error


def _opened(source: Picture) -> Image:
    """The image with its pixels still in the file: so far only the header was read."""
    images = pillow()
    if isinstance(source, images.Image):
        return source
    data = source if isinstance(source, bytes) else Path(source).expanduser().read_bytes()
    try:
        opened: Image = images.open(io.BytesIO(data), formats=FORMATS)
    except (images.DecompressionBombError, images.DecompressionBombWarning) as error:
        raise ValueError(f"the image has more than {MAX_PIXELS:,} pixels") from error
    except _DAMAGED as error:
        raise ValueError(f"not an image: expected {', '.join(FORMATS)}") from error
    return opened


def _plain(image: Image) -> Image:
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        ground = pillow().new("RGBA", upright.size, "white")
        ground.alpha_composite(upright.convert("RGBA"))
        upright = ground
    plain: Image = upright.convert("RGB")
    plain.info = {}
    return plain


def pillow() -> Any:
    """The module ``PIL.Image``. Raises ModuleNotFoundError that says what to install."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "images need Pillow: pip install 'parametric-memory[images]'", name="PIL"
        ) from error
    return Image
