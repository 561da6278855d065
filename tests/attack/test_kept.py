"""What a request makes us keep is in proportion to what it sends, private, and nobody's once it is erased."""

from __future__ import annotations

import stat
from pathlib import Path

from sqlalchemy import select

from memory.backends.sql.database import Database, sqlite_url
from memory.backends.sql.tables import jobs
from tests.api.conftest import CAT, DOG, Api

ROOMS = " ".join(f"Room {n} is kept by Person{n}." for n in range(1000))


def test_metadata_is_not_kept_many_times_over(api: Api) -> None:
    """Each memory of a long text has it: a little is taken, much of it is refused, also for a job."""
    large, small = {"note": "x" * 50_000}, {"note": "x" * 100}
    for later in ({}, {"Prefer": "respond-async"}):
        given = {"user_id": "ana", "text": ROOMS, "metadata": large}
        refused = api.post("/v1/memories", given, headers=later)
        assert refused.status_code == 422
        assert "metadata" in refused.json()["detail"]
    assert api.post("/v1/memories", {"user_id": "ana", "text": DOG, "metadata": large}).status_code == 201
    taken = {"user_id": "ana", "text": f"{CAT} " * 20, "metadata": small}
    assert api.post("/v1/memories", taken).status_code == 201


def test_a_database_in_a_home_that_all_can_read_is_private(tmp_path: Path) -> None:
    """Its file and its log are for their owner."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    database = Database(sqlite_url(home / "memory.db"))
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        for path in home.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    database.close()


def test_jobs_of_somebody_forgotten_name_nobody(api: Api) -> None:
    """Their rows say that something was done, and not for whom; while it is about Ana, all of it is said."""
    text = " ".join(f"Room {n} is kept by Person{n}." for n in range(50))
    job = api.post("/v1/memories", {"user_id": "ana", "text": text}, headers={"Prefer": "respond-async"})
    done = api.finished(job)
    assert (done["done"], done["user_id"]) == (done["total"], "ana")
    assert done["done"] > 0
    assert api.post("/v1/forget", {"user_id": "ana"}).status_code == 200
    said = api.get(f"/v1/jobs/{done['id']}").json()
    assert (said["user_id"], said["result"], said["state"]) == (None, {"memories": 5, "created": 5}, "done")
    with api.parts.database.read() as connection:
        assert "ana" not in [row.user_id for row in connection.execute(select(jobs))]
