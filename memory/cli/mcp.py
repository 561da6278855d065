"""`memory mcp`: memory as tools of an agent that starts this command."""

from __future__ import annotations

import typer

from memory.cli.options import Agent, Session, User, needs, setup, whose


def mcp(context: typer.Context, user: User = None, session: Session = None, agent: Agent = None) -> None:
    """Serve one user's memory to an agent, by the Model Context Protocol on standard input and output.

    The agent starts this command itself: docs/mcp.md has what to put into its configuration.
    """
    try:
        from memory.api.mcp import mcp_server
        from memory.api.reach import Reach
        from memory.backends.reader.english import EnglishReader
    except ImportError as error:
        raise needs("mcp", error) from error
    most = setup(context).settings().max_text_bytes
    with setup(context).memory() as memory:
        reader = getattr(memory, "reader", None) or EnglishReader()  # a client has none
        mcp_server(Reach(memory, whose(context, user, session, agent), reader, most)).run("stdio")
