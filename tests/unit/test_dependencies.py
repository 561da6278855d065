"""What routes depend on is made on the event loop: FastAPI has a thread call whatever is not async."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import iscoroutinefunction

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from memory.api.app import ANSWERING, RELAYING, ROUTERS


def test_no_dependency_of_a_route_takes_a_thread() -> None:
    """One hand-over more is milliseconds more wherever threads compute."""
    routes = [route for router in (*ROUTERS, *ANSWERING, *RELAYING) for route in router.routes]
    calls = {call for route in routes if isinstance(route, APIRoute) for call in _calls(route.dependant)}
    assert len(calls) > 5
    assert [
        call for call in calls if not (iscoroutinefunction(call) or iscoroutinefunction(call.__call__))
    ] == []


def _calls(dependant: Dependant) -> Iterator[object]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)
