"""What is seen of a server from outside: request ids, metrics, logs, traces."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from memory.api.logs import JsonLines, Readable
from memory.backends.sql.tables import audit
from memory.server.audit import digest
from tests.api.conftest import CAT, DOG, QUESTION, Api, MakeApi

CHAT = {"model": "reference", "user": "ana", "messages": [{"role": "user", "content": QUESTION}]}


def sample(page: str, name: str) -> float:
    [line] = [line for line in page.splitlines() if line.startswith(name + " ")]
    return float(line.split()[-1])


def test_metrics_count_what_happens(api: Api) -> None:
    """Requests by route, adapters, tokens saved, caches, seconds, queues; no names in any label."""
    memory_id = api.add()
    for _ in range(2):
        api.post("/v1/chat/completions", CHAT)
    api.get(f"/v1/memories/{memory_id}")
    api.get("/v1/memories/unknown")
    page = api.get("/metrics", who="operator").text
    route = 'method="GET",route="/v1/memories/{memory_id}"'
    assert sample(page, f'memory_requests_total{{{route},status="200"}}') == 1
    assert sample(page, f'memory_requests_total{{{route},status="404"}}') == 1
    assert sample(page, "memory_adapters_selected_total") == 2
    assert sample(page, "memory_tokens_saved_total") == 2 * len(DOG.split())
    assert sample(page, 'memory_adapter_cache_total{found="yes"}') == 1
    assert sample(page, "memory_generate_seconds_count") == 2
    assert sample(page, "memory_internalize_seconds_count") == 3
    assert sample(page, 'memory_queue_depth{queue="jobs"}') == 0
    assert sample(page, 'memory_queue_depth{queue="replies"}') == 0
    for word in ("acme", "ana", memory_id, "Biscuit"):
        assert word not in page


def test_metrics_are_for_operators_wherever_they_are(make_api: MakeApi) -> None:
    """A caller of this machine may be a proxy on it: a setting says who else may look, and no header."""
    api = make_api()
    assert api.client.get("/metrics").status_code == 401
    assert api.get("/metrics", who="acme-admin").status_code == 403
    assert api.get("/metrics", who="operator").status_code == 200
    assert make_api(open_metrics=True).client.get("/metrics").status_code == 200
    assert make_api(anonymous=True).client.get("/metrics").status_code == 200


def test_a_request_has_an_id(api: Api) -> None:
    """The caller's where it is one; it is in the answer and in problems."""
    given = api.get("/v1/memories", headers={"X-Request-ID": "abc-1"})
    assert (given.headers["x-request-id"], given.json()["request_id"]) == ("abc-1", "abc-1")
    made = api.get("/v1/memories", headers={"X-Request-ID": 'x" injected'})
    assert len(made.headers["x-request-id"]) == 32


def test_odd_methods_do_not_fill_the_metrics(api: Api) -> None:
    """Nor do odd paths: each would be a series of its own."""
    for odd in ("BREW", "WHEN"):
        api.call(odd, f"/{odd}")
    page = api.get("/metrics", who="operator").text
    assert "BREW" not in page
    assert sample(page, 'memory_requests_total{method="other",route="unknown",status="404"}') == 2


def test_the_log_has_a_line_a_request_and_nothing_that_was_said(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an unexpected error, the kind and the place; not its words, which may quote a user."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError(f"while looking at {CAT}")

    with caplog.at_level(logging.INFO, "memory"):
        api.add(CAT)
        monkeypatch.setattr(api.parts.memory, "search", broken)
        failed = api.post("/v1/search", {"user_id": "ana", "query": CAT})
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [
        ("/v1/memories", 201),
        ("/v1/search", 500),
    ]
    assert requests[1]["request_id"] == failed.headers["x-request-id"]
    [unexpected] = [line for line in lines if line["event"] == "unexpected"]
    assert unexpected["error"] == "ZeroDivisionError"
    assert any("test_observed.py" in place for place in unexpected["where"])
    assert "Tom" not in json.dumps(lines)
    assert "ana" not in json.dumps(lines).replace("/ana", "")


def test_health_probes_are_not_in_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """They come every few seconds; whoever looks for them finds them at the level below."""
    with caplog.at_level(logging.INFO, "memory"):
        api.get("/health/live", who=None)
        api.get("/health/ready", who=None)
    assert caplog.records == []
    with caplog.at_level(logging.DEBUG, "memory"):
        api.get("/health/live", who=None)
    assert [record.fields["route"] for record in caplog.records] == ["/health/live"]


def test_on_a_terminal_a_line_is_for_people(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """One line, with the fields that have a value."""
    with caplog.at_level(logging.INFO, "memory"):
        api.get("/v1/memories?user_id=ana")
    line = Readable().format(caplog.records[-1])
    assert re.match(r"\d\d:\d\d:\d\d info     request logger=memory\.api request_id=\w+ method=GET ", line)
    assert "route=/v1/memories status=200" in line
    assert "None" not in line


def test_the_audit_names_no_session(api: Api) -> None:
    """Though many clients call theirs as we call memories: by hexadecimal digits."""
    said = {"user_id": "ana", "messages": [{"role": "user", "content": DOG}]}
    for name in ("monday", "18b2f0c3a1d4e5f60718293a4b5c6d7e"):
        assert api.post(f"/v1/sessions/{name}/turns", said).status_code == 201
        entry = api.get("/v1/audit", who="acme-admin").json()["entries"][0]
        assert entry["target"] == digest("acme", name)


def test_traces_name_the_route_and_nothing_else(make_api: MakeApi) -> None:
    """With MEMORY_OTEL: a span a request, under the caller's trace."""
    trace = pytest.importorskip("opentelemetry.trace")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    api = make_api(otel=True)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    api.get(f"/v1/memories/{api.add()}", headers={"traceparent": parent})
    span: Any = exporter.get_finished_spans()[-1]
    assert span.name == "GET /v1/memories/{memory_id}"
    assert span.attributes["http.response.status_code"] == 200
    assert f"{span.context.trace_id:032x}" == parent.split("-")[1]
    assert DOG not in span.to_json()


def test_the_audit_is_purged_where_settings_say_so(make_api: MakeApi) -> None:
    """Not otherwise: a server that starts leaves it alone."""
    api = make_api()
    api.add()
    old = update(audit).values(at=datetime(2020, 1, 1, tzinfo=UTC))
    with api.parts.database.write() as connection:
        connection.execute(old)
    for days, left in ((0, 1), (365, 0)):
        purging = make_api(audit_days=days).parts
        purging.worker.stop(5)
        assert len(purging.audit.page("acme").entries) == left
