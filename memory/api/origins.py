"""What `Origin` and `Host` name. Strangers write them, so they may be anything."""

from __future__ import annotations

from urllib.parse import urlsplit


def place(origin: str) -> str:
    """Host and port of an origin, as `Host` would have them; "" where it has none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:  # half of an IPv6 address
        return ""


def hostname(origin: str) -> str:
    """The host alone; "" where there is none."""
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""
