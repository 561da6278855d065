"""Assembles the FastAPI app: routes, middleware and lifespan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio.to_thread
from fastapi import FastAPI

from memory.api import docs, problems
from memory.api.console import routes as console
from memory.api.description import describe
from memory.api.door import Door
from memory.api.observed import Observed
from memory.api.routes import (
    adapters,
    audit,
    chat,
    forget,
    health,
    jobs,
    keys,
    mcp,
    memories,
    models,
    relay,
    responses,
    search,
    sessions,
    skills,
    status,
    tenants,
    upkeep,
)
from memory.api.shared import Begin, Shared
from memory.api.upstream import Upstream
from memory.backends.sql import migrate
from memory.backends.sql.database import Database
from memory.bootstrap import Memory, database_url
from memory.server.limited_store import LimitedStore
from memory.service import Service
from memory.settings import Settings

ROUTERS = (
    *(memories.router, search.router, sessions.router, forget.router, upkeep.router, jobs.router),
    *(skills.router, adapters.router, keys.router, audit.router, tenants.router, mcp.router),
    status.router,
    *(health.router, docs.router, *console.ROUTERS),
)
ANSWERING = (chat.router, responses.router, models.router)  # by the memory's own model
RELAYING = (relay.router,)  # by another one, behind the same paths


def create_app(
    memory: Service | Settings | None = None,
    *,
    loaded: Callable[[], object] | None = None,
    begin: Begin | None = None,
) -> FastAPI:
    """A server in front of a memory, which the caller closes; or of settings, whose memory is its own.

    Quotas of memories and bytes are exact where the memory's store is `open_store`'s.

    The routes are made at once, everything else when the server starts. Keys, quotas, audit and jobs are
    kept in the database that the memory's settings name. Raises nothing that a memory would not.
    `loaded` is called, in a thread, once the models are. `begin` starts a process that jobs run in
    (job_process.py); without it they run in threads of this one.
    """
    given = memory if isinstance(memory, Service) else None
    settings = memory.settings if isinstance(memory, Service) else memory or Settings.load()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.server_threads
        app.state.shared = parts = await anyio.to_thread.run_sync(_start, settings, given, loaded, begin)
        app.state.upstream = upstream = Upstream(settings) if settings.upstream_url else None
        yield
        if upstream is not None:
            await upstream.close()
        await anyio.to_thread.run_sync(_stop, parts, given is None)

    app = FastAPI(
        title="Parametric Memory",
        version=version("parametric-memory"),
        description="Memory that answers from weights.",
        lifespan=lifespan,
        docs_url=None,  # ours needs no network
        redoc_url=None,
        redirect_slashes=False,  # a redirect would lead to whatever Host says
    )
    for router in (*ROUTERS, *(RELAYING if settings.upstream_url else ANSWERING)):
        app.include_router(router)
    app.add_middleware(Door, max_bytes=settings.max_request_bytes)
    app.add_middleware(Observed, otel=settings.otel)
    problems.install(app)
    describe(app)
    return app


def open_store(settings: Settings) -> LimitedStore:
    """The store of a server's memory, which keeps tenants within their quotas."""
    return LimitedStore.open(database_url(settings), busy_timeout_s=settings.busy_timeout_s)


def _start(
    settings: Settings, given: Service | None, loaded: Callable[[], object] | None, begin: Begin | None
) -> Shared:
    memory = given or Memory(settings, store=open_store(settings))
    database = Database(database_url(settings), busy_timeout_s=settings.busy_timeout_s)
    migrate.open_current(database)
    parts = Shared.around(memory, database, loaded, begin)
    parts.worker.start()
    parts.model.warm()
    return parts


def _stop(parts: Shared, owned: bool) -> None:
    """Jobs finish or are handed back; replies under way have ended, for the server waits for requests."""
    parts.worker.stop(parts.memory.settings.shutdown_s)
    parts.model.wait(parts.memory.settings.shutdown_s)
    parts.database.close()
    if owned:
        parts.memory.close()
