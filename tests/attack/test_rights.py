"""The one table of what each key may do, tried with each kind of key on each route."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import get_args

import pytest

from memory.api.app import ANSWERING, RELAYING, ROUTERS
from memory.api.rights import RIGHTS, Right
from memory.server.access import ROLES, Role
from tests.api.conftest import Api, Founded, serving

KINDS = [*product(("tenant", "operator"), ROLES)]
BODIES = {"/v1/forget": {"user_id": "nobody"}, "/v1/export": {"user_id": "nobody"}}


@pytest.fixture(scope="module")
def keyed(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server that has a key of each kind."""
    with serving(founded, tmp_path_factory.mktemp("rights") / "home", job_workers=0) as api:
        api.keys = dict(api.keys)
        for kind, role in KINDS:
            tenant = "acme" if kind == "tenant" else None
            api.keys[f"{kind}-{role}"] = api.parts.access.create_key(tenant, role).secret
        yield api


def test_the_table_has_every_route_and_no_other() -> None:
    """What is not in it is not there, so it has to be complete."""
    routers = [*ROUTERS, *ANSWERING, *RELAYING]  # the last two stand for each other
    made = {(method, route.path) for router in routers for route in router.routes for method in route.methods}  # type: ignore[attr-defined]
    assert {(method, path) for method, path in made if method != "HEAD"} == RIGHTS.keys() - {
        ("GET", "/openapi.json")
    }


def expected(right: Right, kind: str, role: Role) -> bool:
    """Whether such a key opens a route, said once more."""
    if right.kind == "anyone":
        return True
    return right.kind in (kind, "either") and ROLES.index(role) >= ROLES.index(right.role)


@pytest.mark.parametrize(("kind", "role"), KINDS)
def test_each_kind_of_key_opens_what_the_table_says(keyed: Api, kind: str, role: Role) -> None:
    """403 from all that it does not, whatever else is wrong with the call; and never from what it does."""
    assert role in get_args(Role)
    for (method, template), right in RIGHTS.items():
        path = template.replace(":path", "").format_map(Unknown())
        answer = keyed.call(method, path, f"{kind}-{role}", json=BODIES.get(path, {}))
        refused = answer.status_code == 403
        assert refused is not expected(right, kind, role), (method, path, answer.text)
        assert answer.status_code != 401


class Unknown(dict[str, str]):
    """Names nothing that is there."""

    def __missing__(self, _: str) -> str:
        return "0" * 32


def test_without_a_key_only_what_is_for_anyone_answers(keyed: Api) -> None:
    """401 from everything else."""
    for (method, template), right in RIGHTS.items():
        path = template.replace(":path", "").format_map(Unknown())
        refused = keyed.call(method, path, None, follow_redirects=False).status_code == 401
        assert refused is (right.kind != "anyone"), (method, path)


def test_other_methods_and_addresses_are_not_there(keyed: Api) -> None:
    """Whoever asks: 405 and 404, and the routes that there are say what they take."""
    refused = keyed.call("PUT", "/v1/memories", None)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")
    for path in ("/redoc", "/v1", "/v1/memories/", "/docs/oauth2-redirect", "/v1/tenants/acme/quotas/x"):
        assert keyed.call("GET", path, None).status_code == 404
