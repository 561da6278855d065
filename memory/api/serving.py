"""Runs the app with uvicorn, and refuses to serve others without keys."""

from __future__ import annotations

import gc
import logging.config
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import uvicorn

from memory.api.app import create_app
from memory.api.callers import is_loopback
from memory.api.connections import MOST_HEADER_BYTES, bounded
from memory.api.descriptors import Shares
from memory.api.logs import log_to_stderr
from memory.api.shared import Begin
from memory.backends.sql.database import Database
from memory.bootstrap import database_url
from memory.errors import InvalidSettings
from memory.server.access import Access
from memory.service import Service
from memory.settings import Settings

_SWITCH_S = 0.0005  # that a thread keeps the interpreter while others wait for it
_WAITING = 128  # connections that the system keeps until they are accepted


class _Listener(socket.socket):
    """Lets clients wait, however few are accepted at a time: asyncio has one number for both."""

    def listen(self, _: int = 0, /) -> None:
        super().listen(_WAITING)


def serve(memory: Service, listening: Callable[[str], None], begin: Begin | None = None) -> None:
    """Answer requests until a signal; `listening` is told the address once there is one.

    `begin` starts the process that jobs run in; without it they run in threads of this one.
    A signal ends it well: requests under way finish within settings.shutdown_s, jobs finish or are handed
    back. Raises InvalidSettings for an address that cannot be listened on.
    """
    settings = memory.settings
    sys.setswitchinterval(_SWITCH_S)
    with _bound(settings) as listener:
        logging.config.dictConfig(log_to_stderr())
        config = configuration(memory, loaded=_settle, begin=begin)
        host, port = listener.getsockname()[:2]
        listening(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        for ends in (signal.SIGTERM, signal.SIGINT):  # uvicorn's handlers come first,
            signal.signal(ends, lambda *_: None)  # and send a signal on when all has ended
        uvicorn.Server(config).run(sockets=[listener])
        signal.signal(signal.SIGINT, signal.default_int_handler)


def configuration(
    memory: Service, loaded: Callable[[], object] | None = None, begin: Begin | None = None
) -> uvicorn.Config:
    """How uvicorn serves a memory; `loaded` is called once its models are."""
    settings = memory.settings
    shares = Shares.of(settings)
    return uvicorn.Config(
        create_app(memory, loaded=loaded, begin=begin),
        http=bounded(shares.connections),
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        loop="asyncio",
        backlog=shares.accepted,  # at a time
        proxy_headers=False,  # what a request says of its origin decides nothing
        access_log=False,  # the app logs requests itself, without addresses
        log_config=None,
        server_header=False,
        ws="none",  # nobody is answered that asks to talk WebSocket, and would wait for it
        timeout_graceful_shutdown=round(settings.shutdown_s),
    )


def _settle() -> None:
    """Leave what is there to stay out of garbage collection: walking it takes a fifth of a second.

    Nobody is answered meanwhile, and each flood of requests would bring it about.
    """
    gc.collect()
    gc.freeze()


def check_anonymous(settings: Settings) -> None:
    """Anonymous callers are for this machine alone. Raises InvalidSettings."""
    if settings.anonymous and not is_loopback(settings.host):
        raise InvalidSettings(
            f"MEMORY_ANONYMOUS lets everybody in who can reach {settings.host}; "
            "listen on 127.0.0.1, or make keys with `memory keys create`"
        )


def has_keys(settings: Settings) -> bool:
    """Whether anybody could have a key."""
    database = Database(database_url(settings), busy_timeout_s=settings.busy_timeout_s)
    try:
        return bool(Access(database).every_key())
    finally:
        database.close()


def _bound(settings: Settings) -> socket.socket:
    address: tuple[Any, ...] = (settings.host, settings.port)
    listener = _Listener(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()  # from here on callers wait rather than be refused
    except OSError as error:
        listener.close()
        raise InvalidSettings(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            "give another --host or --port"
        ) from error
    return listener
