"""What is said of an error to those outside: words of ours, no address, path, statement or anybody's name."""

from __future__ import annotations

import re

from memory import errors

# The first class that fits decides, so children stand before their parents.
_SAID: tuple[tuple[type[Exception], str], ...] = (
    (
        errors.IncompatibleAdapter,
        "what is remembered was made by other models than those in use; the operator runs `memory reindex`",
    ),
    (
        errors.SeesNothing,
        "the model here reads text alone and takes no pictures; say it in words, or the operator sets "
        "MEMORY_MODEL to one with an image encoder, as `reference`",
    ),
    (errors.ModelUnavailable, "the model cannot be used now; try again later"),
    (errors.BlobError, "an adapter cannot be read; the operator looks after the adapter files"),
    (errors.StoreBusy, "the database is busy; try again"),
    (errors.StoreConflict, "somebody else changed the same memories meanwhile; try again"),
    (errors.DiskFull, "the disk is full; what was stored before is still there, try again later"),
    (errors.StoreError, "what is stored cannot be reached now; try again later"),
)
_QUOTED = re.compile(r"""(?<!\w)(?:'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")""", re.DOTALL)


def said_of(error: Exception) -> str | None:
    """What is said of an error of the server's own; None where it is about what the caller gave."""
    return next((said for kind, said in _SAID if isinstance(error, kind)), None)


def reason_of(error: Exception) -> str:
    """The same to be kept, as of a job: what a message quotes of a text or name is left out."""
    return said_of(error) or _QUOTED.sub("'...'", str(error))
