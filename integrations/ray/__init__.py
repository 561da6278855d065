"""Ray Serve: the server's own app as ingress of a deployment. `serve run integrations.ray:app replicas=2`.

Each replica is a server like any other, with its own model; they share the database and the adapters that the
MEMORY_* variables name. A request with the header `serve_multiplexed_model_id: USER` goes where that user was
answered last, and to any other replica where that one is busy or gone.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, Field
from ray import serve
from ray.serve import Application
from starlette.types import ASGIApp, Receive, Scope, Send

from memory.api import create_app
from memory.errors import InvalidSettings
from memory.service import Service
from memory.settings import Settings

USERS = 10_000  # of whom a replica remembers that their adapters are warm


class Arguments(BaseModel):
    """What `serve run` takes after the name, as NAME=VALUE."""

    replicas: int = Field(1, ge=1)
    most: int | None = Field(None, ge=1, description="Where it is more than `replicas`: how far to scale.")
    cpus: float = Field(1.0, ge=0, description="Of a replica.")
    gpus: float = Field(0.0, ge=0, description="Of a replica; two halves share a GPU.")
    requests: int = Field(64, ge=1, description="Under way in a replica; further ones wait.")


def app(arguments: Arguments) -> Application:
    """The server on the settings of the environment. Raises InvalidSettings."""
    if Settings.load().anonymous:  # behind Ray's proxy, everybody is a caller of this machine
        raise InvalidSettings("setting 'anonymous' (MEMORY_ANONYMOUS): not behind a proxy; make keys")
    return deployed(lambda: None, arguments)


def deployed(open_memory: Callable[[], Service | None], arguments: Arguments) -> Application:
    """The same around a memory that each replica opens; None is that of the environment."""
    scaled = {"min_replicas": arguments.replicas, "max_replicas": arguments.most}
    number = (
        {"num_replicas": arguments.replicas} if arguments.most is None else {"autoscaling_config": scaled}
    )
    deployment = serve.deployment(
        serve.ingress(lambda: KeptUsers(create_app(open_memory())))(),
        name="memory",
        ray_actor_options={"num_cpus": arguments.cpus, "num_gpus": arguments.gpus},
        max_ongoing_requests=arguments.requests,
        graceful_shutdown_timeout_s=Settings.load().shutdown_s + 5,
        **number,
    )
    return deployment.bind()


class KeptUsers:
    """Tells Ray which users a replica has answered, so that their next requests come here."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

        async def answered(user: str) -> str:
            return user

        self._answered = serve.multiplexed(answered, max_num_models_per_replica=USERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        user = serve.get_multiplexed_model_id() if scope["type"] == "http" else ""
        if user:
            await self._answered(user)
        await self._inner(scope, receive, send)
