"""`memory serve`: the REST API, on this machine or for others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from memory.cli.options import Json, needs, setup
from memory.cli.output import Output

if TYPE_CHECKING:
    from memory.service import Service

_NO_KEY = """No API key exists yet, so every request is refused. Create one in another terminal:
    memory keys create --tenant acme
or, to try it out on this machine alone, start with --anonymous."""
_FIRST = """Try it:
    curl {url}/v1/memories -H 'Content-Type: application/json' \\
         -d '{{"user_id": "ana", "text": "My dog is called Biscuit."}}'
What there is: {url}/docs"""


def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Bind address; default MEMORY_HOST.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", "-p", metavar="PORT", help="Port; default MEMORY_PORT; 0 picks a free one."),
    ] = None,
    anonymous: Annotated[
        bool | None,
        typer.Option("--anonymous", help="Allow local callers without a key; for evaluation only."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve the REST API, including OpenAI's chat completions, until stopped.

    By default it listens on this machine only and requires a key. The address is printed once the server
    is ready; logs go to standard error as JSON lines.
    """
    try:
        from memory.api import job_process, serving
        from memory.api.app import open_store
    except ImportError as error:
        raise needs("server", error) from error
    setup(context).check_local()
    given = {"host": host, "port": port, "anonymous": anonymous}
    out = Output(as_json)
    settings = setup(context).settings(**given)
    serving.check_anonymous(settings)
    apart = setup(context).as_set and job_process.fits(settings)
    begin = partial(job_process.begin, settings) if apart else None
    with setup(context).local(store=open_store(settings), **given) as memory:
        serving.serve(memory, lambda url: _greet(out, memory, url), begin)


def _greet(out: Output, memory: Service, url: str) -> None:
    from memory.api.serving import has_keys

    if out.json:
        out.document({"listening": url})
        return
    out.line(f"listening on {url}")
    if memory.settings.anonymous:
        out.note(_FIRST.format(url=url))
    elif not has_keys(memory.settings):
        out.note(_NO_KEY)
