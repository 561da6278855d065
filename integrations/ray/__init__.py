"""Ray Serve: the server's own app as ingress of a deployment. `serve run integrations.ray:app replicas=2`.

Each replica is a server like any other, with its own model; they share the database and the adapters that the
MEMORY_* variables name. With `engines=2 hypernetworks=1` the models are deployments of their own
(`integrations.ray.models`), and a replica of the server has none. A request with the header
`serve_multiplexed_model_id: USER` goes where that user was answered last, and to any other replica where that
one is busy or gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve import Application, Deployment
from starlette.types import ASGIApp, Receive, Scope, Send

from integrations.ray.models import AT_ONCE, Models, RemoteGenerator, RemoteInternalizer, RemoteSkills
from memory import Memory
from memory.api import create_app
from memory.api.app import open_store
from memory.bootstrap import models
from memory.errors import InvalidSettings
from memory.service import Service
from memory.settings import Settings

Ports = Mapping[str, Any]  # what fills the ports of models, by port

USERS = 10_000  # of whom a replica remembers that their adapters are warm


class Arguments(BaseModel):
    """What `serve run` takes after the name, as NAME=VALUE."""

    model_config = ConfigDict(extra="forbid")

    replicas: int = Field(1, ge=1)
    most: int | None = Field(None, ge=1, description="Where it is more than `replicas`: how far to scale.")
    cpus: float = Field(1.0, ge=0, description="Of a replica.")
    gpus: float = Field(0.0, ge=0, description="Of a replica; two halves share a GPU.")
    requests: int = Field(64, ge=1, description="Under way in a replica; further ones wait.")
    engines: int = Field(0, ge=0, description="Replicas of the base model apart; 0: each server has its own.")
    engine_cpus: float = Field(1.0, ge=0)
    engine_gpus: float = Field(0.0, ge=0)
    hypernetworks: int = Field(
        1, ge=1, description="Replicas of the hypernetworks, where `engines` are apart."
    )
    hypernetwork_cpus: float = Field(1.0, ge=0)
    hypernetwork_gpus: float = Field(0.0, ge=0)


def app(given: Mapping[str, Any]) -> Application:
    """The server on the settings of the environment. Raises InvalidSettings, ValidationError of pydantic."""
    arguments = Arguments.model_validate(given)
    settings = Settings.load()
    if settings.anonymous:  # behind Ray's proxy, everybody is a caller of this machine
        raise InvalidSettings("setting 'anonymous' (MEMORY_ANONYMOUS): not behind a proxy; make keys")
    if not arguments.engines:
        return deployed(lambda: None, arguments)
    return apart(remembering, lambda: models(settings), arguments)


def remembering(ports: Ports) -> Service:
    """A server's memory on the settings of the environment, whose models are elsewhere."""
    settings = Settings.load()
    found = {name: port for name, port in ports.items() if name != "skills" or models(settings)["skills"]}
    return Memory(settings, store=open_store(settings), **found)


def deployed(open_memory: Callable[[], Service | None], arguments: Arguments) -> Application:
    """The same around a memory that each replica opens; None is that of the environment."""
    return _server(open_memory, arguments).bind()


def apart(
    open_memory: Callable[[Ports], Service],
    open_models: Callable[[], Mapping[str, Any]],
    arguments: Arguments,
) -> Application:
    """The same with the base model and the hypernetworks as deployments of their own.

    A replica of theirs has the models that `open_models` gives by port; `open_memory` takes what asks them.
    """

    def opened() -> Service:
        writer = serve.get_deployment_handle("hypernetwork")
        engine = RemoteGenerator(serve.get_deployment_handle("engine"))
        ports = {"internalizer": RemoteInternalizer(writer), "skills": RemoteSkills(writer)}
        return open_memory({"generator": engine, **ports})

    parts = [_models(name, arguments).bind(open_models) for name in ("engine", "hypernetwork")]
    return _server(opened, arguments).bind(*parts)


def _server(open_memory: Callable[[], Service | None], arguments: Arguments) -> Deployment:
    @serve.ingress(lambda: KeptUsers(create_app(open_memory())))
    class Server:
        def __init__(self, *parts: object) -> None:
            """The parts are deployed with it; it finds them by their names."""

    scaled = {"min_replicas": arguments.replicas, "max_replicas": arguments.most}
    number = (
        {"num_replicas": arguments.replicas} if arguments.most is None else {"autoscaling_config": scaled}
    )
    return serve.deployment(
        Server,
        name="memory",
        ray_actor_options=_share(arguments),
        max_ongoing_requests=arguments.requests,
        graceful_shutdown_timeout_s=Settings.load().shutdown_s + 5,
        **number,
    )


def _models(name: str, arguments: Arguments) -> Deployment:
    """The deployment of that name, with which its arguments begin."""
    return serve.deployment(
        Models,
        name=name,
        num_replicas=getattr(arguments, f"{name}s"),
        ray_actor_options=_share(arguments, f"{name}_"),
        max_ongoing_requests=AT_ONCE,
        health_check_period_s=5,
    )


def _share(arguments: Arguments, of: str = "") -> dict[str, float]:
    """Of the machine, for each replica."""
    return {f"num_{kind}": getattr(arguments, f"{of}{kind}") for kind in ("cpus", "gpus")}


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
