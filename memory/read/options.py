"""What a question may say beside its words; loads nothing, so that a client of a server can say it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import Any, Literal, TypedDict, cast

from memory.records.inputs import Whose

Mode = Literal["adapters", "text", "both", "auto"]
Filters = Mapping[str, Any]  # items that the metadata of a memory has


class Sampling(TypedDict, total=False):
    """How a reply is written; what is left out comes from the settings."""

    max_new_tokens: int
    temperature: float  # 0, the default, is greedy
    seed: int | None
    stop: Sequence[str]
    top_p: float  # 1, the default, leaves no token out
    cancelled: Event | None  # set by whoever no longer needs the reply: it ends with Cancelled


class AskOptions(Whose, Sampling, total=False):
    """Whose memory answers, of what time, and how the reply is written."""

    as_of: datetime | None
    filters: Filters | None  # items of metadata: only memories that have them are recalled


def sampling_in(asking: Mapping[str, Any]) -> Sampling:
    """How to write the reply, out of all that a call was given."""
    return cast(Sampling, {key: asking[key] for key in Sampling.__annotations__ if key in asking})
