"""Bytes that somebody or something spoiled: one clear error, and what can be made again is."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from sqlalchemy import select, update

from memory import Memory
from memory.backends.index import faiss_index
from memory.backends.sql.database import Database, sqlite_url
from memory.backends.sql.tables import memories
from memory.errors import StoreUnavailable
from memory.fakes import WordEmbedder
from memory.records import now as utc_now
from tests.api.conftest import Api
from tests.command import echoes

MakeMemory = Callable[..., Memory]
TEXTS = [f"My dog number{n} is called Biscuit{n}." for n in range(3)]


def filled(make_memory: MakeMemory) -> Memory:
    memory = make_memory()
    for text in TEXTS:
        memory.add(text, user_id="ana")
    return memory


def index_body(header: Any, codes: Any, vectors: Any) -> bytes:
    """A NumPy archive, as an index file has it after its hash."""
    body = BytesIO()
    np.savez(body, header=np.frombuffer(json.dumps(header).encode(), np.uint8), codes=codes, vectors=vectors)
    return body.getvalue()


def spoiled_bodies(body: bytes) -> dict[str, bytes]:
    """Bodies of index files that a right hash can stand before."""
    with np.load(BytesIO(body)) as archive:
        header, codes, vectors = json.loads(archive["header"].tobytes()), archive["codes"], archive["vectors"]
    changes: list[dict[str, Any]] = [
        {"ids": [1, 2, 3]},
        {"ids": ["same"] * 3},
        {"ids": header["ids"][:1]},
        {"names": 5},
        {"names": [{}]},
        {"names": [{}, {}, {}]},
        {"version": [1]},
        {"version": ["1", 2]},
        {"format": None},
        {"dim": vectors.shape[1] + 1},
    ]
    return {
        "nothing": b"",
        "junk": b"junk" * 100,
        "half": body[: len(body) // 2],
        "a list": index_body([1], codes, vectors),
        "no fields": index_body({}, codes, vectors),
        "few codes": index_body(header, codes[:1], vectors),
        "other codes": index_body(header, codes.astype(np.float64), vectors),
        "few vectors": index_body(header, codes, vectors[:1]),
        "narrow": index_body(header, codes, vectors[:, :5]),
        "no numbers": index_body(header, codes, vectors * np.nan),
        **{str(change): index_body(header | change, codes, vectors) for change in changes},
    }


def test_an_index_of_junk_with_a_right_hash_is_made_again(
    make_memory: MakeMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its bytes are: search finds what the rows say."""
    monkeypatch.setattr(faiss_index, "SAVE_AFTER", 1)
    memory = filled(make_memory)
    found = memory.search("dog", user_id="ana", k=3)
    folder = memory.settings.index_folder
    assert folder is not None
    [path] = folder.rglob("*.index")
    for name, body in spoiled_bodies(path.read_bytes()[32:]).items():
        path.write_bytes(hashlib.sha256(body).digest() + body)
        again = make_memory().search("dog", user_id="ana", k=3)
        assert [(hit.record.id, hit.score) for hit in again] == [(h.record.id, h.score) for h in found], name


@pytest.mark.parametrize("verb", ["search", "ask", "add", "forget", "reindex"])
def test_whatever_verb_meets_a_damaged_index_of_words_works(make_memory: MakeMemory, verb: str) -> None:
    """In a new process, which cannot even open that index."""
    memory = filled(make_memory)
    asked, told = "What is my dog number1 called?", "My cat is called Tom."
    database = Database(sqlite_url(memory.settings.home / "memory.db"))
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE words_data SET block = x'ffffffffffffffff' WHERE id = 10")
    database.close()
    again = (
        make_memory(embedder=WordEmbedder(dim=32, name="words-32")) if verb == "reindex" else make_memory()
    )
    done = {
        "search": lambda: len(again.search(asked, user_id="ana", k=3)),
        "ask": lambda: again.ask(asked, user_id="ana").text.count("Biscuit1"),
        "add": lambda: len(again.add(told, user_id="ana")),
        "forget": lambda: len(again.forget(user_id="ana").memories),
        "reindex": again.reindex,
    }[verb]()
    assert done == (3 if verb in ("search", "forget", "reindex") else 1)
    if verb != "forget":
        assert "Biscuit1" in again.ask(asked, user_id="ana").text


@pytest.mark.parametrize("digest", ["junk", "", "../../memory.db", "A" * 64, "é" * 64, "0" * 64])
def test_a_row_that_names_no_adapter_gets_one_and_can_be_erased(make_memory: MakeMemory, digest: str) -> None:
    """It is made again from the text; and erasing it takes what it really had."""
    memory = filled(make_memory)
    home: Path = memory.settings.home
    database = Database(sqlite_url(home / "memory.db"))
    for step in ("answered", "erased"):
        with database.write() as connection:
            connection.execute(update(memories).values(digest=digest))
        again = make_memory()
        if step == "answered":
            assert "Biscuit1" in again.ask("What is my dog number1 called?", user_id="ana").text
        else:
            assert len(again.forget(user_id="ana").memories) == len(TEXTS)
            assert not [path for path in memory.settings.adapter_folder.rglob("*") if path.is_file()]
            again.add("My cat is called Tom.", user_id="ana")
    database.close()


def write(memory: Memory, column: str, value: str, where: str = "1") -> None:
    """What no code of ours would put into a row of memories."""
    database = Database(sqlite_url(memory.settings.home / "memory.db"))
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE memories SET {column} = {value} WHERE {where}")
    database.close()


UNTOUCHED = ("tenant_id", "id")  # by which a row is found at all
MIGHT_BE = ("text", "embedder", "base_fingerprint", "hypernet_fingerprint")  # what a sound row says
SPOILED = ("'Biscuit'", "x'00ff'", "CAST(x'ff42697363756974' AS TEXT)", "9e999")
DAMAGES = [(column.name, value) for column in memories.c if column.name not in UNTOUCHED for value in SPOILED]
DAMAGES = [
    (column, value) for column, value in DAMAGES if column not in MIGHT_BE or value.startswith(("x", "CAST"))
]
DAMAGES += [("metadata", "'{\"a\": NaN}'"), ("metadata", f"'{'[' * 20_000}'"), ("embedding", "zeroblob(7)")]


CATS = [f"My cat number{n} is called T{n}x." for n in range(len(DAMAGES))]


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three sound memories of Ana's, a turn, and one memory for each damage of a column."""
    home = tmp_path_factory.mktemp("spoiled") / "home"
    with Memory(home=home, **echoes()) as memory:
        ids = [memory.add(text, user_id="ana")[0].id for text in CATS]
        for text in TEXTS:
            memory.add(text, user_id="ana")
        memory.chat("My boat is called Zed.", user_id="ana", session_id="s")
        for (column, value), memory_id in zip(DAMAGES, ids, strict=True):
            write(memory, column, value, f"id = '{memory_id}'")
    return home


@pytest.fixture
def spoiled_memory(spoiled: Path, tmp_path: Path) -> Iterator[Memory]:
    with Memory(home=shutil.copytree(spoiled, tmp_path / "home"), **echoes()) as memory:
        yield memory


def told_again(memory: Memory) -> str:
    """What was damaged is told once more, and something new."""
    told = CATS[::5]
    for text in told:
        memory.add(text, user_id="ana")
    assert {*told} <= {record.text for record in memory.list(user_id="ana", limit=1000).records}
    return "Biscuit1"


def exported(memory: Memory) -> str:
    """What goes into an archive."""
    path = memory.settings.home / "all.zip"
    memory.export(path, user_id="ana")
    with ZipFile(path) as archive:
        return archive.read("memories.jsonl").decode()


VERBS: dict[str, Callable[[Memory], object]] = {
    "search": lambda memory: memory.search("dog number1", user_id="ana"),
    "then": lambda memory: memory.search("dog number1", user_id="ana", as_of=utc_now()),
    "ask": lambda memory: memory.ask("What is my dog number1 called?", user_id="ana").text,
    "chat": lambda memory: memory.chat("What is my dog number1 called?", user_id="ana", session_id="s").text,
    "recall": lambda memory: memory.recall("dog number1", user_id="ana"),
    "list": lambda memory: memory.list(user_id="ana", limit=1000).records,
    "add": told_again,
    "export": exported,
    "compact": lambda memory: (memory.compact(), memory.list(user_id="ana", limit=1000).records),
    "reindex": lambda memory: (memory.reindex(), memory.list(user_id="ana", limit=1000).records),
}


@pytest.mark.parametrize("verb", VERBS)
def test_damaged_rows_take_no_other_with_them(spoiled_memory: Memory, verb: str) -> None:
    """Whatever stands in whatever column: the sound ones are found, and what is said of others stands."""
    memory = spoiled_memory
    assert "Biscuit1" in str(VERBS[verb](memory))
    assert memory.holdings()
    assert memory.sessions(user_id="ana").sessions
    gone = memory.forget(user_id="ana").memories
    assert len(gone) >= len(TEXTS)


def test_all_of_a_tenant_is_erased_whatever_is_damaged(spoiled_memory: Memory) -> None:
    """Names that are none hold up no erasure."""
    memory = spoiled_memory
    memory.forget_tenant(memory.settings.tenant)
    database = Database(sqlite_url(memory.settings.home / "memory.db"))
    with database.read() as connection:
        assert connection.execute(select(memories.c.id)).all() == []
    database.close()


def test_a_damaged_row_is_logged_once(make_memory: MakeMemory, caplog: pytest.LogCaptureFixture) -> None:
    """However often somebody searches; and nobody is quoted."""
    memory = filled(make_memory)
    damaged = memory.list(user_id="ana").records[0].id
    write(memory, "created_at", "'Biscuit'", f"id = '{damaged}'")
    for _ in range(3):
        assert len(memory.search("dog", user_id="ana")) == len(TEXTS) - 1
    assert caplog.text.count(damaged) == 1
    assert "'Biscuit'" not in caplog.text


@pytest.mark.parametrize("column", ["role", "text", "created_at", "ordinal"])
def test_a_damaged_turn_takes_no_other_with_it(make_memory: MakeMemory, column: str) -> None:
    """The conversation goes on with the turns that can be read."""
    memory = make_memory()
    for text in TEXTS:
        memory.chat(text, user_id="ana", session_id="s")
    database = Database(sqlite_url(memory.settings.home / "memory.db"))
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE turns SET {column} = x'00ff' WHERE ordinal = 2")
    database.close()
    assert "Biscuit1" in memory.chat("What is my dog number1 called?", user_id="ana", session_id="s").text
    told = memory.turns(session_id="s", user_id="ana")
    texts = [turn.text for turn in told if turn.role == "user"]  # a reply may repeat what was told
    assert (TEXTS[0] in texts, TEXTS[1] in texts, TEXTS[2] in texts) == (True, False, True)
    assert memory.sessions(user_id="ana").sessions


WRONG = [
    ("kind", "'Biscuit'"),
    ("role", "'Biscuit'"),
    ("text", "''"),
    ("text", "x'00ff'"),
    ("metadata", "'[1]'"),
]
WRONG += [("document_id", "' '"), ("superseded_by", "x'00ff'"), ("position", "1.5")]
WRONG += [
    (name, "'Biscuit'") for name in ("position", "first_turn", "dim", "uses", "compacted", "rank", "nbytes")
]


@pytest.mark.parametrize(("column", "value"), WRONG)
def test_a_row_of_wrong_values_is_one_clear_error_and_hides_no_other(
    make_memory: MakeMemory, caplog: pytest.LogCaptureFixture, column: str, value: str
) -> None:
    """Whoever reads it alone is told; a listing shows the rest, page by page; and it can be erased."""
    memory = filled(make_memory)
    first, second, third = [record.id for record in memory.list(user_id="ana").records]
    write(memory, column, value, f"id = '{second}'")
    again = make_memory()
    with pytest.raises(StoreUnavailable, match="a row is damaged; restore a backup") as refusal:
        again.get(second)
    assert "Biscuit" not in str(refusal.value)
    assert [record.id for record in again.list(user_id="ana").records] == [first, third]
    page = again.list(user_id="ana", limit=1)
    rest = again.list(user_id="ana", limit=1, cursor=page.cursor)
    assert [record.id for record in page.records + rest.records] == [first, third]
    assert f"row '{second}' is damaged" in caplog.text
    assert again.get(third).text == TEXTS[0]
    assert len(again.forget(user_id="ana").memories) == len(TEXTS)


@pytest.mark.parametrize(("column", "value"), WRONG[::3])
def test_a_server_says_of_a_damaged_row_that_the_store_fails(api: Api, column: str, value: str) -> None:
    """503 and no 500, nor a 422 that would blame who asks; who asks for more has the rest, with 200."""
    damaged, sound = api.add("My dog is called Biscuit."), api.add("My cat is called Tom.")
    write(api.parts.memory, column, value, f"id = '{damaged}'")
    listed = api.get("/v1/memories?user_id=ana")
    assert (listed.status_code, [one["id"] for one in listed.json()["memories"]]) == (200, [sound])
    hits = api.post("/v1/search", {"query": "What is my dog called?", "user_id": "ana"})
    assert [one["memory"]["id"] for one in hits.json()["hits"]] == [sound]
    told = [{"role": "user", "content": "What is my cat called?"}]
    assert (
        api.post("/v1/chat/completions", {"model": "reference", "messages": told, "user": "ana"}).status_code
        == 200
    )
    found = [api.get(f"/v1/memories/{damaged}?user_id=ana")]
    found += [api.call("PATCH", f"/v1/memories/{damaged}", json={"pinned": True})]
    assert [answer.status_code for answer in found] == [503] * 2
    assert not [answer for answer in found if "Biscuit" in answer.text]


TIMES = ("created_at", "updated_at", "valid_from", "valid_until", "expires_at", "used_at")


@pytest.mark.parametrize("column", [*TIMES, "metadata"])
def test_a_time_that_is_none_hides_no_other_memory(api: Api, column: str) -> None:
    """Listings and the console's pages go on, and the page names the damaged one, which can be erased."""
    sound = [api.add("My cat is called Tom.")]
    damaged = api.add("My dog is called Biscuit.")
    sound.append(api.add("My boat is called Zed."))
    write(api.parts.memory, column, "'Biscuit'", f"id = '{damaged}'")
    listed = api.get("/v1/memories?user_id=ana").json()["memories"]
    assert [one["id"] for one in listed] == sound[::-1]
    first = api.get("/v1/memories?user_id=ana&limit=1").json()
    second = api.get(f"/v1/memories?user_id=ana&limit=1&cursor={first['cursor']}").json()
    assert [one["id"] for one in (*first["memories"], *second["memories"])] == sound[::-1]
    page = api.get("/console/memories?user_id=ana")
    assert page.status_code == 200
    shown = column != "valid_from"  # which SQLite takes for one of the future
    assert ("Tom" in page.text, "Zed" in page.text, damaged in page.text) == (True, True, shown)
    assert "Biscuit" not in page.text
    for path in ("/console/people", "/console/people/one?user_id=ana", "/v1/holdings"):
        assert api.get(path).status_code == 200, path
    assert api.call("DELETE", f"/v1/memories/{damaged}?user_id=ana").status_code == 200
    assert damaged not in api.get("/console/memories?user_id=ana").text
