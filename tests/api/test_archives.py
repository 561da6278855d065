"""Archives of servers that share an object store and no folder: any of them has what another made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from memory.backends.blobs.archives import ObjectArchives
from memory.errors import NotFound, StoreUnavailable
from tests.api.conftest import CAT, DOG, Api, Founded, serving
from tests.buckets import S3

KEPT = timedelta(hours=1)
ZIP = {"Content-Type": "application/zip"}
Pair = Callable[..., tuple[Api, Api]]


@pytest.fixture
def pair(founded: Founded, tmp_path: Path, postgres_url: URL, s3: S3) -> Iterator[Pair]:
    """Starts two servers with homes of their own, on one database and one bucket; the second runs no jobs."""
    where = {
        "database_url": postgres_url.render_as_string(hide_password=False),
        "blobs": f"s3://{s3.create()}/adapters",
        "anonymous": True,
        "blob_timeout_s": 1,
    }
    with ExitStack() as running:

        def start(**given: Any) -> tuple[Api, Api]:
            homes = (tmp_path / "one", tmp_path / "two")
            workers = (1, 0)
            one, two = (
                running.enter_context(serving(founded, home, job_workers=n, **where, **given))
                for home, n in zip(homes, workers, strict=True)
            )
            return one, two

        yield start


def add(api: Api, text: str = DOG, user: str = "ana") -> str:
    answer = api.post("/v1/memories", {"user_id": user, "text": text}, who=None)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["memories"][0]["id"])


def exported(api: Api) -> str:
    job = api.finished(api.post("/v1/export", {"user_id": "ana"}, who=None), who=None)
    assert job["state"] == "done", job
    return str(job["id"])


def files(*apis: Api) -> list[Path]:
    folders = [api.parts.memory.settings.exports_folder for api in apis]
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_any_server_gives_what_another_exported_and_runs_its_imports(pair: Pair) -> None:
    """Nothing stays on their disks, and an upload goes once it is imported."""
    one, two = pair()
    add(one)
    job = exported(one)
    for api in (one, two):
        archive = api.get(f"/v1/export/{job}", who=None)
        assert (archive.status_code, archive.headers["content-type"]) == (200, "application/zip")
    sent = two.call("POST", "/v1/import?user_id=ben", None, content=archive.content, headers=ZIP)
    done = two.finished(sent, who=None)  # by the other's worker: this one has none
    assert (done["state"], done["result"]["memories"]) == ("done", 1), done
    listed = two.get("/v1/memories?user_id=ben", who=None).json()["memories"]
    assert [memory["text"] for memory in listed] == [DOG]
    assert files(one, two) == []
    elsewhere = one.parts.memory.exports.elsewhere
    assert elsewhere is not None
    assert elsewhere.size("default") == len(archive.content)  # the export; the upload is gone
    assert two.parts.archives.size("default") == len(archive.content)


def test_an_erasure_takes_the_archives_of_all_servers(pair: Pair) -> None:
    """Whichever is asked; another tenant's stay."""
    one, two = pair()
    for eraser in (one, two):
        memory_id = add(one)
        job = exported(one)
        assert eraser.call("DELETE", f"/v1/memories/{memory_id}", None).status_code == 200
        for api in (one, two):
            assert api.get(f"/v1/export/{job}", who=None).status_code == 404
        elsewhere = one.parts.memory.exports.elsewhere
        assert elsewhere is not None
        assert elsewhere.size("default") == 0


def test_what_an_erasure_could_not_take_away_is_not_given(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store was away: the erasure says so, and afterwards nobody finds the archive."""
    one, two = pair()
    add(one)
    job = exported(one)

    def away(*_: object) -> None:
        raise StoreUnavailable("the object store of adapters does not answer; try again later")

    with monkeypatch.context() as patched:
        patched.setattr(ObjectArchives, "drop", away)
        answer = one.post("/v1/forget", {"user_id": "ana"}, who=None)
        assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
    for api in (one, two):
        assert api.get(f"/v1/export/{job}", who=None).status_code == 404
    assert one.post("/v1/forget", {"user_id": "ana"}, who=None).status_code == 200
    elsewhere = one.parts.memory.exports.elsewhere
    assert elsewhere is not None
    assert elsewhere.size("default") == 0


def test_an_erasure_while_an_export_is_put_there_wins(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looked for archives before this one was there: the export is made again, without what was erased."""
    one, _ = pair()
    add(one)
    gone = add(one, CAT)
    put, puts = ObjectArchives.put, []

    def meanwhile(self: ObjectArchives, tenant_id: str, name: str, path: Path) -> None:
        puts.append(name)
        if len(puts) == 1:
            one.parts.memory.delete(gone, user_id="ana")
        put(self, tenant_id, name, path)

    monkeypatch.setattr(ObjectArchives, "put", meanwhile)
    archive = one.get(f"/v1/export/{exported(one)}", who=None)
    assert len(puts) == 2
    elsewhere = one.parts.memory.exports.elsewhere
    assert elsewhere is not None
    assert elsewhere.size("default") == len(archive.content)


def test_a_tenants_archives_are_its_own(s3: S3, tmp_path: Path) -> None:
    """No other finds, counts or drops them; what is old goes, and adapters beside them stay."""
    archives = ObjectArchives.open(f"s3://{s3.create()}/adapters")
    path = tmp_path / "archive"
    path.write_bytes(b"said by ana")
    digest = archives._blobs.put("acme", b"adapter")
    archives.put("acme", "1-a", path)
    assert (archives.size("acme"), archives.size("beta")) == (11, 0)
    archives.drop("beta")
    with pytest.raises(NotFound):
        archives.get("beta", "1-a", tmp_path / "copy")
    archives.get("acme", "1-a", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"said by ana"
    archives._blobs.clean(tenants=["acme"], older_than=KEPT)
    archives.purge(KEPT)
    assert archives.size("acme") == 11
    archives.purge(-KEPT)  # as if that much later
    assert archives.size("acme") == 0
    archives.delete("acme", "1-a")
    assert archives._blobs.get("acme", digest) == b"adapter"
