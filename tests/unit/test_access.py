"""Tenants and keys: who shows which key gets in where, on both databases."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from memory.backends.sql.database import Database
from memory.backends.sql.tables import metadata
from memory.errors import Conflict, Forbidden, InvalidInput, MissingScope, NotFound, Unauthenticated
from memory.records import MAX_NAME, new_id
from memory.server import access as access_module
from memory.server.access import Access, Caller
from memory.server.audit import Audit
from memory.server.idempotency import Idempotency
from memory.server.jobs import Jobs
from memory.server.quotas import Quotas
from tests.tiny_memories import NOON, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(database: Database, clock: Clock) -> Access:
    made = Access(database, clock=clock)
    made.create_tenant("acme")
    made.create_tenant("other")
    return made


def test_a_key_says_whose_it_is(access: Access) -> None:
    """Tenant, role and quotas come with it; an operator's has no tenant."""
    access.set_quotas("acme", Quotas(memories=7))
    bot = access.create_key("acme", "write", name="bot")
    assert access.authenticate(bot.secret) == Caller("acme", "write", bot.id, Quotas(memories=7))
    root = access.create_key(None, "admin")
    assert access.authenticate(root.secret) == Caller(None, "admin", root.id)


def test_the_secret_is_shown_once_and_kept_nowhere(access: Access, database: Database) -> None:
    """Not in any row, not in a listing, not in what a log would print of the new key."""
    made = access.create_key("acme", "read")
    random = made.secret.split("_", 2)[2]
    with database.read() as connection:
        stored = [str(row) for t in metadata.sorted_tables for row in connection.execute(select(t))]
    assert any(made.id in row for row in stored)
    assert not any(random in row for row in stored)
    assert random not in repr(made) + repr(access.keys("acme"))


def test_nothing_tells_why_a_key_opens_nothing(access: Access, clock: Clock) -> None:
    """Unknown, wrong, cut, foreign in its letters, expired and revoked: one and the same answer."""
    good = access.create_key("acme", "read")
    expired = access.create_key("acme", "read", expires_at=NOON + timedelta(days=1))
    revoked = access.create_key("acme", "read")
    access.revoke("acme", revoked.id)
    clock.pass_by(days=1)
    other_secret = revoked.secret.rsplit("_", 1)[0][:20] + good.secret[20:]
    bad = [
        *(expired.secret, revoked.secret, other_secret, good.secret[:-1], good.secret + "A"),
        *(good.secret.replace(good.id, "0" * 16), good.secret.upper(), "", "pm_", "é" * 63, "\ud800", "a\0b"),
    ]
    said = set()
    for secret in bad:
        with pytest.raises(Unauthenticated) as raised:
            access.authenticate(secret)
        said.add(str(raised.value))
    assert len(said) == 1
    assert access.authenticate(good.secret).key_id == good.id


def test_an_unknown_key_is_compared_as_long_as_a_known_one(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One comparison in constant time, of digests of one length, whether or not there is a row."""
    compared: list[tuple[int, int]] = []
    really = hmac.compare_digest

    def compare(a: str, b: str) -> bool:
        compared.append((len(a), len(b)))
        return really(a, b)

    monkeypatch.setattr(access_module.hmac, "compare_digest", compare)
    known = access.create_key("acme", "read").secret
    access.authenticate(known)
    for secret in ("pm_" + "0" * 16 + known[19:], "nonsense"):
        with pytest.raises(Unauthenticated):
            access.authenticate(secret)
    assert compared == [(64, 64)] * 3


def test_a_revoked_key_is_shut_out_of_every_process_at_once(
    access: Access, open_database: Callable[..., Database]
) -> None:
    """Nothing remembers that it was good; revoking again keeps the first moment."""
    made = access.create_key("acme", "read")
    elsewhere = Access(open_database())
    assert elsewhere.authenticate(made.secret).tenant_id == "acme"
    revoked = access.revoke("acme", made.id)
    with pytest.raises(Unauthenticated):
        elsewhere.authenticate(made.secret)
    assert elsewhere.revoke("acme", made.id) == revoked


@pytest.mark.parametrize("whose", ["other", "nobody", None])
def test_another_tenants_key_is_not_found(access: Access, whose: str | None) -> None:
    """Neither listed nor revoked; a key of nobody's is no tenant's."""
    made = access.create_key("acme", "read")
    with pytest.raises(NotFound):
        access.revoke(whose, made.id)
    assert access.keys(whose) == []
    assert access.authenticate(made.secret).key_id == made.id
    with pytest.raises(NotFound):
        access.revoke("acme", access.create_key(None, "admin").id)


def test_a_role_includes_those_before_it(access: Access) -> None:
    """And nothing after it."""
    for role, allowed in (("read", 1), ("write", 2), ("admin", 3)):
        caller = access.authenticate(access.create_key("acme", role).secret)  # type: ignore[arg-type]
        for needed in ("read", "write", "admin")[:allowed]:
            caller.require(needed)  # type: ignore[arg-type]
        for needed in ("read", "write", "admin")[allowed:]:
            with pytest.raises(Forbidden, match=needed):
                caller.require(needed)  # type: ignore[arg-type]
        with pytest.raises(Forbidden, match="operator"):
            caller.require_operator()
    access.authenticate(access.create_key(None, "read").secret).require_operator()


def test_what_no_key_can_be_made_of_is_refused(access: Access) -> None:
    """A role that is none, a moment that has passed or has no zone, a tenant that is not there."""
    with pytest.raises(InvalidInput, match="role"):
        access.create_key("acme", "root")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="passed"):
        access.create_key("acme", "read", expires_at=NOON)
    with pytest.raises(InvalidInput, match="time zone"):
        access.create_key("acme", "read", expires_at=(NOON + timedelta(1)).replace(tzinfo=None))
    with pytest.raises(InvalidInput, match="NUL"):
        access.create_key("acme", "read", name="a\0b")
    with pytest.raises(NotFound, match="nobody"):
        access.create_key("nobody", "read")
    assert access.every_key() == []


def test_a_tenant_is_let_in_once(access: Access) -> None:
    """Under a name that can be one; others see who is there, by name."""
    with pytest.raises(Conflict, match="'acme'"):
        access.create_tenant("acme")
    for name, error in (("", MissingScope), (" ", MissingScope), ("x" * (MAX_NAME + 1), InvalidInput)):
        with pytest.raises(error):
            access.create_tenant(name)
    assert [tenant.id for tenant in access.tenants()] == ["acme", "other"]
    for call in (access.tenant, access.drop_tenant):
        with pytest.raises(NotFound):
            call("nobody")
    with pytest.raises(NotFound):
        access.set_quotas("nobody", Quotas())


@pytest.mark.parametrize("quota", [{"memories": -1}, {"bytes": 2**63}, {"requests_per_minute": 2**31}])
def test_a_quota_fits_its_column(quota: dict[str, int]) -> None:
    """Zero is a quota, less is none."""
    with pytest.raises(InvalidInput, match=next(iter(quota))):
        Quotas(**quota)
    assert Quotas(0, 0, 0) != Quotas()


def test_a_dropped_tenant_leaves_its_audit_alone(access: Access, database: Database) -> None:
    """Its keys, jobs and stored answers go, and no other tenant's; the same name may come again."""
    jobs, answers, audit = Jobs(database), Idempotency(database), Audit(database)
    for tenant in ("acme", "other"):
        key = access.create_key(tenant, "read")
        job = jobs.submit(tenant, "add", {"text": "secret"})
        answers.begin(tenant, "k", "f")
        audit.record(tenant, key.id, "add", new_id(), 202)
    access.drop_tenant("acme")
    assert [t.id for t in access.tenants()] == ["other"]
    assert (len(access.keys("acme")), len(access.keys("other"))) == (0, 1)
    assert (jobs.list("acme").jobs, jobs.list("other").jobs) == ((), (job,))
    assert answers.begin("acme", "k", "another") is None
    with pytest.raises(Conflict):
        answers.begin("other", "k", "f")
    assert len(audit.page("acme").entries) == 1
    assert access.create_tenant("acme").quotas == Quotas()
