"""The full-text index of the SQL store: filled by its step, and emptied with what is erased."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, text

from memory.backends.sql import migrate, words
from memory.backends.sql.database import Database, sqlite_url
from memory.backends.sql.rows import past_columns, record_columns
from memory.backends.sql.store import SqlStore
from memory.backends.sql.tables import memories, retired
from memory.records import RETIRED, Scope
from tests.tiny_memories import ANA, ELSEWHERE, NOON, record, vectors


def test_what_was_stored_before_there_were_words_is_found_after_the_step(empty_url: URL) -> None:
    """Memories and retired passages of every tenant, more than the step takes at once."""
    database = Database(empty_url)
    with database.write() as connection:
        migrate.upgrade(connection, "0006")
        migrate.downgrade(connection, "0004")
        for tenant in ("default", "other"):
            connection.execute(
                text("INSERT INTO tenants (tenant_id, seq, last) VALUES (:t, 0, '')"), {"t": tenant}
            )
        many = [record(f"filler {i}") for i in range(1100)]
        rows = [*many, record("Zephyrine is here."), record("Zephyrine is there.", ELSEWHERE)]
        connection.execute(memories.insert(), [_before_words(record_columns(r, b"0000")) for r in rows])
        past = record("Zephyrine was here.", adapter=RETIRED, valid_until=NOON)
        connection.execute(retired.insert(), [_before_words(past_columns(past, b"0000"))])
    database.close()
    store = SqlStore.open(empty_url)
    hits = store.find_words(ANA, ["zephyrin"], 5)
    assert [r.text for r in store.get_many(ANA, [i for i, _ in hits])] == ["Zephyrine is here."]
    theirs = store.find_words(ELSEWHERE, ["zephyrin"], 5)
    assert [r.text for r in store.get_many(ELSEWHERE, [i for i, _ in theirs])] == ["Zephyrine is there."]
    store.close()


def test_nothing_of_erased_words_is_left_in_the_file(tmp_path: Path) -> None:
    """In none of the tables that the index is made of, whatever came before and after."""
    path = tmp_path / "memory.db"
    store = SqlStore.open(sqlite_url(path))
    filler = [record(f"nothing much {i} zephyr") for i in range(300)]
    secret = record("My passphrase is zephyrinequark and xylophonist.")
    store.add(filler[:150], vectors(150))
    store.add([secret], vectors(1))
    store.add(filler[150:], vectors(150, seed=1))
    assert b"inequark" in _bytes(tmp_path)
    store.delete(ANA, secret.id)
    assert b"inequark" not in _bytes(tmp_path)
    assert b"lophonist" not in _bytes(tmp_path)
    store.delete_where(Scope(user_id="ana"))
    assert b"zephyr" not in _bytes(tmp_path)
    assert ANA.tenant_id.encode().hex().encode() + b"xu" not in _bytes(tmp_path).lower()
    store.close()


def test_words_that_an_update_replaced_are_not_left_in_the_file(tmp_path: Path) -> None:
    """Nor those of a tenant that is deleted whole."""
    store = SqlStore.open(sqlite_url(tmp_path / "memory.db"))
    [told] = store.add([record("The code is quagmirefrog.")], vectors(1))
    changed = record("The code is another.", id=told.id)
    store.update(ANA, changed, vectors(1))
    assert b"gmirefrog" not in _bytes(tmp_path)
    store.delete_tenant("default")
    assert b"another" not in _bytes(tmp_path)
    store.close()


def _before_words(columns: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in columns.items() if name not in ("words", "size")} | (
        {"seq": 1} if "digest" in columns else {}
    )


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def test_the_index_outlives_thousands_of_erasures(tmp_path: Path) -> None:
    """SQLite adds a level to it at each, and would take 2,000 of them for damage."""
    url = sqlite_url(tmp_path / "memory.db")
    store = SqlStore.open(url)
    [kept] = store.add([record("Zephyrine is here.")], vectors(1))
    database = Database(url)
    with database.write() as connection:
        told = text("INSERT INTO words (id, key, word) VALUES (:id, :key, :word)")
        others = [{"id": f"x{n}", "key": f"k{n} mx", "word": f"other{n} words"} for n in range(1_400)]
        connection.execute(told, others[:200])
        for other in others[200:]:
            connection.execute(told, other)
            words.settle(connection)
        levels = connection.scalar(text("SELECT length(block) FROM words_data WHERE id = 10"))
    database.close()
    assert levels < 2_000
    assert [i for i, _ in store.find_words(ANA, ["zephyrin"], 5)] == [kept.id]
    store.close()
