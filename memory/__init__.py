"""Who remembers what: scopes, rows, blobs, the index, and the service in front of them.

    from memory import Memory

Importing this loads no model and no database driver; using it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memory import errors, records

if TYPE_CHECKING:
    from memory.bootstrap import Memory, open

__all__ = ["Memory", "errors", "open", "records"]


def __getattr__(name: str) -> Any:
    if name in ("Memory", "open"):
        from memory import bootstrap

        return getattr(bootstrap, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
