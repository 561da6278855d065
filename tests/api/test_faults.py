"""A full disk, a busy or lost database, a model that does not load: 503, when to come again, and recovery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from memory.api.app import open_store
from memory.errors import DiskFull, IncompatibleAdapter, ModelUnavailable, StoreBusy, StoreUnavailable
from memory.fakes import EchoGenerator
from memory.fakes.models import EchoGeneration
from memory.ports import GenerationRequest
from memory.settings import Settings
from tests.api.conftest import CAT, DOG, QUESTION, Founded, MakeApi, serving
from tests.buckets import S3
from tests.faults import Faulty
from tests.postgres import Postgres

CHAT = {"model": "reference", "user": "ana", "messages": [{"role": "user", "content": QUESTION}]}


class Trouble:
    """A fault that begins and ends when told to."""

    def __init__(self) -> None:
        self.at = ""
        self.error: Exception = DiskFull("the disk is full; make room and try again (nothing stored is lost)")

    def __call__(self, step: str) -> None:
        if step == self.at:
            raise self.error


@pytest.mark.parametrize("step", ["before blobs.put", "before store.add", "in store.add"])
def test_a_full_disk_is_503_and_passes(
    make_api: MakeApi, founded: Founded, tmp_path: Path, step: str
) -> None:
    """What was acknowledged is there, what was refused is not, and once there is room again all is well."""
    trouble = Trouble()
    api = make_api(**_faulty(founded.copied(tmp_path / "home"), trouble))
    api.add()
    trouble.at = step
    refused = api.post("/v1/memories", {"user_id": "ana", "text": CAT})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    assert refused.json()["type"].endswith(":disk-full")
    chat = api.post("/v1/chat/completions", {**CHAT, "messages": [{"role": "user", "content": CAT}]})
    assert (chat.status_code, chat.json()["error"]["code"]) == (503, "disk_full")
    texts = [memory["text"] for memory in api.get("/v1/memories?user_id=ana").json()["memories"]]
    assert texts == [DOG]
    trouble.at = ""
    assert api.post("/v1/memories", {"user_id": "ana", "text": CAT}).status_code == 201


def _faulty(home: Path, trouble: Callable[[str], None]) -> dict[str, Any]:
    from memory.backends.blobs.folder import FileBlobStore

    settings = Settings.load(home=home)
    return {
        "store": Faulty(open_store(settings), "store", trouble),
        "blobs": Faulty(FileBlobStore(settings.adapter_folder), "blobs", trouble),
    }


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StoreBusy("another process is writing"), "store-busy"),
        (StoreUnavailable("the database cannot be reached"), "store-unavailable"),
        (ModelUnavailable("no such model"), "model-unavailable"),
        (IncompatibleAdapter("run `memory reindex`"), "incompatible-adapter"),
    ],
)
def test_what_passes_says_when_to_come_again(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str
) -> None:
    """503 with Retry-After, on the native routes and on OpenAI's."""
    api = make_api()

    def broken(*_: object, **__: object) -> None:
        raise error

    for verb in ("search", "chat_stream"):
        monkeypatch.setattr(api.parts.memory, verb, broken)
    native = api.post("/v1/search", {"user_id": "ana", "query": QUESTION})
    assert (native.status_code, native.json()["type"].rpartition(":")[2]) == (503, kind)
    assert int(native.headers["retry-after"]) > 0
    for stream in (False, True):
        openai = api.post("/v1/chat/completions", {**CHAT, "stream": stream})
        assert (openai.status_code, openai.json()["error"]["type"]) == (503, "server_error")


def test_a_stream_that_fails_before_its_first_word_is_503(make_api: MakeApi) -> None:
    """Selection and the model begin when the stream is first read; until then there is a status to give."""

    class Busy(EchoGenerator):
        def stream(self, _: GenerationRequest) -> EchoGeneration:
            raise ModelUnavailable("the model is away")

    api = make_api(generator=Busy())
    for store in (True, False):
        answer = api.post("/v1/chat/completions", {**CHAT, "stream": True, "store": store})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")


def test_a_lost_database_is_503_and_comes_back(
    founded: Founded, postgres: Postgres, postgres_url: URL, tmp_path: Path
) -> None:
    """A real server, stopped as by a crash and started again; ready says so, and nothing is lost."""
    url = postgres_url.render_as_string(hide_password=False)
    with serving(founded, tmp_path / "home", database_url=url, anonymous=True) as api:
        body = {"user_id": "ana", "text": DOG}
        assert api.post("/v1/memories", body, who=None).status_code == 201
        postgres.stop()
        try:
            lost = api.post("/v1/memories", {**body, "text": CAT}, who=None)
            assert (lost.status_code, int(lost.headers["retry-after"]) > 0) == (503, True)
            ready = api.client.get("/health/ready")
            assert (ready.status_code, ready.json()["database"]) == (503, "unavailable")
            assert str(postgres.folder) not in ready.text
            assert api.client.get("/health/live").status_code == 200
            assert api.client.get("/metrics").status_code == 200
        finally:
            postgres.start()
        listed = api.get("/v1/memories?user_id=ana", who=None)
        assert [memory["text"] for memory in listed.json()["memories"]] == [DOG]
        assert api.post("/v1/memories", {**body, "text": CAT}, who=None).status_code == 201
        assert api.client.get("/health/ready").status_code == 200


@pytest.mark.usefixtures("s3")
def test_an_outage_of_the_object_store_is_503_and_loses_nothing(
    founded: Founded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was acknowledged is there, what was refused is not, and once it is back all is well."""
    own = S3()
    monkeypatch.setenv("AWS_ENDPOINT_URL", own.variables["AWS_ENDPOINT_URL"])
    where = {"blobs": f"s3://{own.create()}/adapters", "blob_timeout_s": 1, "adapter_cache_mb": 0}
    with serving(founded, tmp_path / "home", **where) as api:
        body = {"user_id": "ana", "text": DOG}
        assert api.post("/v1/memories", body).status_code == 201
        own.stop()
        refused = api.post("/v1/memories", {**body, "text": CAT})
        assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (503, True)
        assert str(own.port) not in refused.text
        assert api.post("/v1/chat/completions", CHAT).status_code == 503
        texts = [memory["text"] for memory in api.get("/v1/memories?user_id=ana").json()["memories"]]
        assert texts == [DOG]
        own.start()
        assert api.post("/v1/memories", {**body, "text": CAT}).status_code == 201
        answer = api.post("/v1/chat/completions", CHAT).json()
        assert "Biscuit" in answer["choices"][0]["message"]["content"]
    own.stop()


def test_ready_waits_for_the_model(make_api: MakeApi) -> None:
    """Not before it is loaded, and not where that fails; asked again, it is tried again."""

    class Missing(EchoGenerator):
        missing = True

        def count_tokens(self, messages: Any) -> int:
            if self.missing:
                raise ModelUnavailable("cannot load the model 'x'")
            return super().count_tokens(messages)

        def stream(self, request: GenerationRequest) -> EchoGeneration:
            return super().stream(request)

    generator = Missing()
    api = make_api(generator=generator)
    api.parts.model.wait(10)
    ready = api.client.get("/health/ready")
    assert (ready.status_code, ready.json()["model"]) == (503, "unavailable")
    assert ready.json()["reason"] == "the model cannot be used now; try again later"  # not its path
    generator.missing = False
    api.client.get("/health/ready")
    api.parts.model.wait(10)
    assert api.client.get("/health/ready").status_code == 200
