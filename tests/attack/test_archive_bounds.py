"""Archives beyond bounds: too much, too many, cancelled on the way, damaged in whatever way."""

from __future__ import annotations

import gc
import io
import json
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from memory import Memory
from memory.errors import Cancelled, InvalidInput, JobCancelled
from memory.ports.asker import Asker, asking
from memory.upkeep import archive, watched
from tests.api.conftest import MakeApi
from tests.attack.test_archives import Files, changed, honest, packed

__all__ = ["honest"]
MakeMemory = Callable[..., Memory]


def turns(honest: Files, many: int, **values: Any) -> Files:
    """The files with so many turns of one session."""
    first = json.loads(honest["turns.jsonl"].splitlines()[0]) | values
    lines = (json.dumps(first | {"id": f"{n:032x}", "ordinal": n}) for n in range(many))
    return honest | {"turns.jsonl": ("\n".join(lines) + "\n").encode()}


@pytest.mark.parametrize("name", ["memories.jsonl", "past.jsonl", "turns.jsonl"])
def test_more_records_than_the_bound_are_refused_before_one_is_read(
    honest: Files, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A small zip of a million short lines: not one is parsed, and nothing is kept in memory."""
    path = tmp_path / "many.zip"
    path.write_bytes(packed(honest | {name: b"{}\n" * (archive._MOST_LINES + 1)}))
    monkeypatch.setattr(archive, "parsed", only(archive.ManifestLine, archive.parsed))
    tracemalloc.start()
    with pytest.raises(InvalidInput, match=rf"{name} holds more than 1,048,576 records"):
        memory.import_(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24
    assert memory.stats().memories == 0


def only(model: type, parse: Callable[..., Any]) -> Callable[..., Any]:
    """Parses this model and no other."""

    def parse_one(of: type, *given: Any, **more: Any) -> Any:
        assert of is model
        return parse(of, *given, **more)

    return parse_one


@pytest.mark.parametrize(("many", "text"), [(12, "x"), (3, "x" * 400)])
def test_a_session_beyond_bounds_is_refused(
    honest: Files, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int, text: str
) -> None:
    """By number or length, for it is written at once."""
    monkeypatch.setattr(watched, "_MOST_TURNS", 10)
    monkeypatch.setattr(watched, "_MOST_TOLD", 1000)
    path = tmp_path / "long.zip"
    path.write_bytes(packed(turns(honest, many, text=text)))
    with pytest.raises(InvalidInput, match="a session has more than 10 turns"):
        memory.import_(path)
    path.write_bytes(packed(turns(honest, 10, text="x")))
    assert memory.import_(path).turns == 10


@pytest.mark.parametrize("size", [False, True])
def test_an_import_can_be_ended_at_any_moment(
    honest: Files, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: bool
) -> None:
    """20,000 turns and their check: never does it work for half a second without asking whether to go on."""
    monkeypatch.setattr(watched.Ticker, "__init__", ticking(watched.Ticker.__init__))
    path = tmp_path / "long.zip"
    path.write_bytes(packed(turns(honest, 20_000)))
    longest = [0.0]
    last = [time.thread_time()]

    def progress(*_: int) -> None:
        now = time.thread_time()
        longest[0] = max(longest[0], now - last[0])
        last[0] = now

    gc.disable()  # its passes take time that grows with what other tests have left
    try:
        if size:
            memory.import_size(path, progress=progress)
        else:
            assert memory.import_(path, progress=progress).turns == 20_000
    finally:
        gc.enable()
    assert 0.0 < longest[0] < 0.5


def ticking(init: Callable[..., None]) -> Callable[..., None]:
    """Tells at each pulse, whatever the time."""
    return lambda self, progress: init(self, progress, 0.0)


def test_what_is_cancelled_while_turns_are_written_writes_none(
    honest: Files, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a session, in its transaction."""
    monkeypatch.setattr(watched.Ticker, "__init__", ticking(watched.Ticker.__init__))
    path = tmp_path / "long.zip"
    path.write_bytes(packed(turns(honest, 3000)))
    restore, writes = memory._backends.store.restore_turns, list[None]()

    def cancelled(*_: int) -> None:
        if writes:
            raise JobCancelled("enough")

    def restoring(*given: Any) -> int:
        writes.append(None)
        return restore(*given)

    monkeypatch.setattr(memory._backends.store, "restore_turns", restoring)
    with pytest.raises(JobCancelled):
        memory.import_(path, progress=cancelled)
    assert (len(writes), memory.stats().turns) == (1, 0)


def test_a_client_that_goes_ends_the_check_of_its_upload(
    honest: Files, memory: Memory, tmp_path: Path
) -> None:
    """Which reads all of the archive."""

    path, gone = tmp_path / "long.zip", Event()
    path.write_bytes(packed(honest))
    gone.set()
    with asking(Asker("acme", gone)), pytest.raises(Cancelled):
        memory.import_size(path)


def damaged(honest: Files) -> Iterator[tuple[str, bytes]]:
    """What is refused only once it is read: by the job, where the tenant has no quota."""
    whole = packed(honest)
    yield "no zip", b"this is not a zip"
    yield "cut", whole[: len(whole) // 2]
    yield "a wrong record", packed(changed(honest, "memories.jsonl", position="abc"))
    yield "too large", packed(honest | {"past.jsonl": bytes(2**27)})
    yield "another's hash", packed(honest | {"memories.jsonl": b""}, listed=False)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("manifest.json", b'{"format": 1}')
    yield "a poor manifest", out.getvalue()
    yield "a line that is none", packed(honest | {"turns.jsonl": b"no json\n"})


def test_a_damaged_archive_is_one_failed_job(honest: Files, make_api: MakeApi) -> None:
    """One clear line, tried once, nothing left of the upload; with a quota it is refused at once."""
    api = make_api()
    for kind, data in damaged(honest):
        answer = api.call("POST", "/v1/import?user_id=ana", content=data, who="acme-admin")
        assert answer.status_code in (202, 422), (kind, answer.text)
        if answer.status_code == 202:
            job = api.finished(answer, who="acme-admin")
            assert (job["state"], job["attempt"]) == ("failed", 1), (kind, job)
            check_one_line(job["reason"])
        else:
            check_one_line(answer.json()["detail"])
        assert [*api.parts.memory.settings.exports_folder.rglob("*.zip")] == []
        if kind != "a line that is none":  # found once all of the memories before it are in
            assert api.get("/v1/memories?user_id=ana").json()["memories"] == []


def check_one_line(said: str) -> None:
    assert said.startswith("the archive is not imported")
    assert "\n" not in said
    assert "Biscuit" not in said
    assert "/" not in said.replace("adapters/", "")


def test_a_long_import_of_a_job_ends_when_it_is_cancelled(
    honest: Files, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five thousand turns that take their time: it is heard long before the last."""
    api = make_api()
    pulses, pulse = [0], watched.Ticker.pulse

    def slow(self: watched.Ticker) -> None:
        pulses[0] += 1
        time.sleep(0.02)
        pulse(self)

    monkeypatch.setattr(watched.Ticker, "pulse", slow)
    data = packed(turns(honest, 5000))
    answer = api.call("POST", "/v1/import?user_id=ana", content=data, who="acme-admin")
    assert answer.status_code == 202
    until = time.monotonic() + 20
    while not pulses[0] and time.monotonic() < until:
        time.sleep(0.02)
    job = answer.headers["location"]
    assert api.post(f"{job}/cancel", who="acme-admin").status_code == 200
    found = api.finished(answer, who="acme-admin")
    assert found["state"] == "cancelled"
    assert pulses[0] < 1000  # of more than 10,000
    assert api.get("/v1/sessions?user_id=ana").json()["sessions"] == []
