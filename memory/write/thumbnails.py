"""What is kept of a picture beside its adapter: hash, size, what the model says of it, and a thumbnail.

It stands in the memory's metadata, under `records.IMAGE`, so that it is scoped, exported and erased with it.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memory.errors import InvalidInput, ModelUnavailable
from memory.records import image_of

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 96  # pixels, at most
_PREFIX = "data:image/webp;base64,"


def opened(data: bytes) -> Image:
    """The pixels of an image file, upright. Raises InvalidInput, and ModelUnavailable without Pillow."""
    from hypernet.backbones.pictures import open_picture

    try:
        return open_picture(data)
    except ValueError as error:
        raise InvalidInput(str(error)) from error
    except ModuleNotFoundError as error:
        raise ModelUnavailable(str(error)) from error


def kept(data: bytes, image: Image, words: str) -> dict[str, Any]:
    """What the metadata of the picture's memory holds.

    `data` is its file, `image` what was opened of it, `words` what the model says of it.
    """
    small = image.copy()
    small.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    small.save(out, "WEBP", quality=85)
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "width": image.width,
        "height": image.height,
        "words": words,
        "thumbnail": _PREFIX + base64.b64encode(out.getvalue()).decode(),
    }


def thumbnail(metadata: Mapping[str, Any]) -> Image | None:
    """The thumbnail that metadata holds, if it holds one that can be opened."""
    url = image_of(metadata).get("thumbnail")
    if not isinstance(url, str) or not url.startswith(_PREFIX):
        return None
    try:
        return opened(base64.b64decode(url.removeprefix(_PREFIX), validate=True))
    except (ValueError, InvalidInput):
        return None
