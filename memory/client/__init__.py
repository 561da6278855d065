"""The verbs of `memory.Memory` against a server, without a model, a database or torch in this process.

    from memory.client import Client

    with Client("http://127.0.0.1:8750", "pm_...") as memory:
        memory.add("My dog is called Biscuit.", user_id="ana")
        memory.ask("What is my dog called?", user_id="ana").text

`AsyncClient` has the same verbs to await. The same arguments, records (`memory.records`) and errors
(`memory.errors`); the tenant is that of the key. docs/client.md says what is sent again, and when.

    calls.py      what is sent; asked again where that helps
    verbs.py      each verb as steps: calls that go out, answers that come in
    adding.py     add, append, add_skill
    chatting.py   chat and ask: a reply as it comes
    upkeep.py     compact, export, import_
    jobs.py       work that the server does later, waited for
    decoding.py   JSON -> records
    failures.py   answers and broken connections -> errors
    blocking.py   takes the steps, one after the other
    asynchronous.py   takes them in an event loop
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memory.client.blocking import Client

if TYPE_CHECKING:
    from memory.client.asynchronous import AsyncClient

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    if name == "AsyncClient":  # loaded when it is used: an event loop's machinery takes a while
        from memory.client.asynchronous import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
