"""docs/scale.md says what the simulation computes, and what is measured can be measured again."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from benchmarks import capacity, nearest, scale, users
from benchmarks.capacity import Costs, Demand, hit_rate, need
from benchmarks.tables import markdown_table
from memory.backends.index.pgvector import PgvectorIndex

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")


def test_the_page_has_the_table_that_the_simulation_makes() -> None:
    """If not: python -m benchmarks.capacity --markdown docs/scale.md."""
    assert markdown_table(capacity.rows(Demand(), Costs())) in PAGE


def test_what_is_needed_follows_from_what_is_asked_for() -> None:
    """Twice the users keep twice the bytes; twice the turns ask for twice the machines, and keep no more."""
    once, twice = (need(users, Demand(), Costs()) for users in (10**7, 2 * 10**7))
    assert twice["rows, GB"] == 2 * once["rows, GB"]
    busy = need(10**7, replace(Demand(), turns=16), Costs())
    assert busy["turns/s"] == 2 * once["turns/s"]
    assert busy["servers"] == pytest.approx(2 * once["servers"], rel=0.02)
    assert busy["adapters, GB"] == once["adapters, GB"]
    assert need(100, Demand(), Costs())["servers"] == 2  # one may be away


def test_a_cache_is_worth_more_where_users_keep_to_a_server() -> None:
    """With one server it makes no difference; a larger cache never finds less."""
    spread, kept = (hit_rate(10**6, 16, Demand(), Costs(), sticky=sticky) for sticky in (False, True))
    assert 0 < spread < kept < 1
    alone = {hit_rate(10**6, 1, Demand(), Costs(), sticky=sticky) for sticky in (False, True)}
    assert max(alone) - min(alone) < 0.02
    small = replace(Costs(), cache_bytes=Costs().cache_bytes // 1000)
    assert hit_rate(10**6, 16, Demand(), small, sticky=True) <= kept


def test_the_measurement_runs(
    vector_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In small; FAISS and pgvector find the same."""
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- {name} -->\n<!-- /{name} -->\n" for name in scale.PARTS))
    where = vector_url.render_as_string(hide_password=False)
    sizes = ["--tenants", "4", "--memories", "5", "--vectors", "100", "--asked", "4"]
    monkeypatch.setattr(scale, "LARGE", (20,))
    monkeypatch.setattr(sys, "argv", ["scale", "--database", where, *sizes, "--markdown", str(page)])
    scale.main()
    assert "| of 4 searches, both find the same five | 4 |" in page.read_text()
    assert "pgvector" in capsys.readouterr().out


def test_many_users_are_laid_and_asked_for(
    vector_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In small: copies of those that were told are found as theirs are, and each verb has its row."""
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- {name} -->\n<!-- /{name} -->\n" for name in users.PARTS))
    where = vector_url.render_as_string(hide_password=False)
    sizes = [
        "--users",
        "6",
        "--tenants",
        "2",
        "--memories",
        "2",
        "--told",
        "2",
        "--calls",
        "2",
    ]
    monkeypatch.setattr(sys, "argv", ["users", "--database", where, *sizes, "--markdown", str(page)])
    users.main()
    said = page.read_text()
    assert "6 users in 2 tenants, 12 memories" in said
    for row in ("add, alone", "select, 8 at once"):
        assert f"{row} |" in said
    with users.opened(where, tmp_path) as memory:
        found = memory.search(users.asked(0), user_id="user 4", tenant_id="tenant 0", k=1)
        assert found[0].record.text == users.said(0, 0)


def test_hnsw_is_compared_with_all(vector_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In small; one of the two reads the index of HNSW, and the other does not."""
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- {name} -->\n<!-- /{name} -->\n" for name in nearest.PARTS))
    where = vector_url.render_as_string(hide_password=False)
    by_hnsw: list[tuple[bool, bool]] = []
    compared = nearest._compared

    def watched(near: PgvectorIndex, exact: PgvectorIndex, *given: Any) -> dict[str, float]:
        by_hnsw.append((uses_hnsw(near), uses_hnsw(exact)))
        return compared(near, exact, *given)

    monkeypatch.setattr(nearest, "_compared", watched)
    asked = ["--database", where, "--sizes", "3000", "--questions", "5", "--markdown", str(page)]
    monkeypatch.setattr(sys, "argv", ["nearest", *asked])
    nearest.main()
    said = page.read_text()
    assert "| 3,000 sentences, an agent's |" in said
    assert "| 3,000 vectors of 64 directions, of them a user's ten | 100 |" in said
    assert by_hnsw == [(True, False)] * 4


def uses_hnsw(index: PgvectorIndex) -> bool:
    """Whether PostgreSQL goes by it where the whole tenant is asked for."""
    asked = (
        f"EXPLAIN SELECT id FROM {index._table} WHERE tenant_id = '{nearest.TENANT}' AND "
        f"embedder = '{nearest.EMBEDDER}' ORDER BY embedding <#> array_fill(1, ARRAY[384])::vector LIMIT 5"
    )
    with index._database.read() as connection:
        plan = connection.exec_driver_sql(asked).scalars().all()
    return any("Index Scan using ix_" in line and "_user" not in line for line in plan)
