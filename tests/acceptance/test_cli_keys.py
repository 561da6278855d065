"""`memory keys` and `memory migrate`, as an operator types them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from memory.backends.sql import migrate
from memory.backends.sql.database import Database, sqlite_url
from memory.cli.migrate import _variables
from memory.errors import Unauthenticated
from memory.server.access import Access, Caller
from memory.server.audit import Audit
from memory.settings import Settings


@pytest.fixture
def database(home: Path, run: Any) -> Any:
    """The database the commands use."""
    assert run("migrate").code == 0
    opened = Database(sqlite_url(home / "memory.db"))
    yield opened
    opened.close()


def test_a_key_is_made_shown_once_and_opens_its_tenant(run: Any, database: Database) -> None:
    """The tenant is made with its first key; the listing knows all of the key but its secret."""
    made = run("keys", "create", "--tenant", "acme", "--role", "read", "--name", "bot", "--json")
    assert (made.code, made.err) == (0, "Created tenant acme.\n")
    key = made.json["key"]
    assert re.fullmatch(r"pm_[0-9a-f]{16}_[\w-]{43}", key)
    assert Access(database).authenticate(key) == Caller("acme", "read", made.json["id"])
    listed = run("keys", "list", "--json")
    assert [(k["id"], k["name"], k["expires_at"]) for k in listed.json["keys"]] == [
        (made.json["id"], "bot", None)
    ]
    assert key.rsplit("_", 1)[1] not in listed.out + run("keys", "list").out


def test_a_key_ends_when_it_was_said_to(run: Any) -> None:
    """`--expires 90d` is ninety days from now."""
    made = run("keys", "create", "--tenant", "acme", "--expires", "90d", "--json").json
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)
    assert made["role"] == "write"


def test_a_revoked_key_opens_nothing(run: Any, database: Database) -> None:
    """It stays in the listing; its end and its beginning are on record."""
    made = run("keys", "create", "--tenant", "acme", "--json").json
    assert run("keys", "revoke", made["id"]).code == 0
    with pytest.raises(Unauthenticated):
        Access(database).authenticate(made["key"])
    assert [line[4] for line in run("keys", "list").lines] == ["revoked"]
    assert [entry.action for entry in Audit(database).page("acme").entries] == ["keys revoke", "keys create"]


def test_an_operators_key_has_no_tenant(run: Any, database: Database) -> None:
    """Tenants' keys can be listed apart from it."""
    made = run("keys", "create", "--operator", "--role", "admin", "--json").json
    Access(database).authenticate(made["key"]).require_operator()
    run("keys", "create", "--tenant", "acme")
    assert [line[1] for line in run("keys", "list").lines] == ["(operator)", "acme"]
    assert [line[1] for line in run("keys", "list", "--tenant", "acme").lines] == ["acme"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("create",), 2, "whose key"),
        (("create", "--tenant", "acme", "--operator"), 2, "whose key"),
        (("create", "--tenant", "acme", "--role", "root"), 2, "read, write, admin"),
        (("create", "--tenant", "acme", "--expires", "5y"), 2, "90d"),
        (("create", "--tenant", "acme", "--expires", "0d"), 2, "90d"),
        (("create", "--tenant", " "), 1, "blank"),
        (("create", "--tenant", "x" * 256), 1, "256 characters"),
        (("list", "--tenant", "nobody"), 3, "nobody"),
        (("revoke", "0123"), 3, "0123"),
        ((), 2, "Missing command"),
    ],
)
def test_a_mistake_is_told_on_one_line(run: Any, arguments: tuple[str, ...], code: int, message: str) -> None:
    """And makes nothing: no key, and no tenant either."""
    failed = run("keys", *arguments)
    assert (failed.code, failed.out, failed.err.count("\n")) == (code, "", 1)
    assert message in failed.err
    assert run("keys", "list", "--json").json == {"keys": []}


def test_migrate_says_where_the_tables_were_and_are(run: Any, home: Path) -> None:
    """From nothing to the newest step; again, nothing happens."""
    assert run("migrate", "--json").json == {"from": None, "to": migrate.HEAD}
    assert run("migrate", "--json").json == {"from": migrate.HEAD, "to": migrate.HEAD}
    database = Database(sqlite_url(home / "memory.db"))
    with database.write() as connection:
        migrate.downgrade(connection, "0001")
    database.close()
    assert run("migrate").lines == [["from", "0001"], ["to", migrate.HEAD]]


def test_keys_are_kept_in_the_database_of_the_settings(
    run: Any, postgres_url: URL, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's, where MEMORY_DATABASE_URL names it; nothing is written in home."""
    monkeypatch.setenv("MEMORY_DATABASE_URL", postgres_url.render_as_string(hide_password=False))
    made = run("keys", "create", "--tenant", "acme", "--json").json
    database = Database(postgres_url)
    assert Access(database).authenticate(made["key"]).tenant_id == "acme"
    database.close()
    assert not home.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            "postgresql://memory:secret@/there?host=/run/pg&password=secret",
            "'postgresql+psycopg://memory:***@/there?host=%2Frun%2Fpg'",
        ),
        (
            "postgresql://memory@one:5432,two:5432/there?target_session_attrs=read-write",
            "/there?host=one%3A5432&host=two%3A5432&target_session_attrs=read-write'",
        ),
    ],
)
def test_what_leads_to_a_target_is_said_without_a_secret(given: str, said: str) -> None:
    """A socket and the server that takes writes belong to it; a shell takes it as it stands."""
    shown = _variables(Settings.load(database_url=given, blobs="s3://bucket"))
    assert said in shown
    assert "secret" not in shown
