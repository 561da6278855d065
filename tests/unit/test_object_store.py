"""Adapters in an object store: what only such a store does, on a real S3 server and on bad ones."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import obstore
import pytest
from obstore.store import from_url

from memory.backends.blobs.objects import RETRIES, ObjectBlobStore
from memory.errors import CorruptBlob, InvalidSettings, MissingBlob, StoreReadOnly, StoreUnavailable
from tests.buckets import KEY_ID, S3, SECRET

DIGEST = "0" * 64
AT_ONCE = timedelta(0)


def opened(url: str, timeout_s: float = 10) -> ObjectBlobStore:
    return ObjectBlobStore.open(url, timeout_s=timeout_s)


def test_a_key_names_the_content_and_no_tenant(s3: S3) -> None:
    """Below the prefix: a digest of the tenant's name, and the sha256 of the bytes."""
    bucket = s3.create()
    digest = opened(f"s3://{bucket}/some/prefix").put("acme", b"x")
    [key] = s3.keys(bucket)
    assert key.startswith("some/prefix/")
    assert key.endswith(f"/{digest}.safetensors")
    assert "acme" not in key


def test_two_prefixes_of_a_bucket_share_nothing(s3: S3) -> None:
    """Also where one begins the other; and cleaning one leaves the other alone."""
    bucket = s3.create()
    one, other = opened(f"s3://{bucket}/a"), opened(f"s3://{bucket}/ab")
    digest = one.put("acme", b"x")
    with pytest.raises(MissingBlob):
        other.get("acme", digest)
    assert other.digests("acme") == []
    assert other.clean(tenants=[], older_than=AT_ONCE) == 0
    assert one.get("acme", digest) == b"x"


def test_a_damaged_object_is_never_returned(s3: S3) -> None:
    """Putting it again mends it."""
    bucket = s3.create()
    blobs = opened(f"s3://{bucket}")
    digest = blobs.put("acme", b"x" * 100)
    [key] = s3.keys(bucket)
    damaging = from_url(f"s3://{bucket}", client_options={"allow_http": True})
    obstore.put(damaging, key, b"y" * 100)
    with pytest.raises(CorruptBlob, match="make it again"):
        blobs.get("acme", digest)
    blobs.put("acme", b"x" * 100)
    assert blobs.get("acme", digest) == b"x" * 100


def test_strangers_objects_are_left_alone(s3: S3) -> None:
    """Below the same prefix, and in a folder that looks like a tenant's."""
    bucket = s3.create()
    for key in ("notes.txt", "notes/a", f"{'a' * 32}/readme.txt"):
        s3.ask("PUT", f"/{bucket}/{key}", b"mine")
    blobs = opened(f"s3://{bucket}")
    blobs.put("ghost", b"x")
    assert blobs.clean(tenants=[], older_than=AT_ONCE) == 1
    assert len(s3.keys(bucket)) == 3


def test_a_bucket_that_keeps_versions_is_refused(s3: S3) -> None:
    """Nothing could be erased from it; no adapter was sent when that is seen."""
    bucket = s3.create(versions=True)
    with pytest.raises(StoreReadOnly, match="suspend versioning"):
        opened(f"s3://{bucket}").put("acme", b"secret")
    assert b"safetensors" not in s3.ask("GET", f"/{bucket}?versions")


@pytest.mark.usefixtures("s3")
def test_a_bucket_that_is_not_there_is_no_missing_adapter() -> None:
    """A wrong name would look like an empty store, and every adapter would be made again."""
    blobs = opened("s3://no-such-bucket/prefix")
    calls: list[Callable[[], object]] = [
        lambda: blobs.put("acme", b"x"),
        lambda: blobs.get("acme", DIGEST),
        lambda: blobs.digests("acme"),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable, match="the bucket of adapters does not exist"):
            call()


class Answers(BaseHTTPRequestHandler):
    """An object store that answers each request with the next of `statuses`, and repeats what it was told."""

    protocol_version = "HTTP/1.1"
    statuses: list[int]
    seen: list[str]
    hangs: threading.Event | None

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append(self.command)
        if self.hangs is not None:
            self.hangs.wait(30)
            return
        said = f"<Error>{self.headers.get('authorization')} {self.path}</Error>".encode()
        self.send_response(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])
        self.send_header("content-length", str(len(said)))
        self.send_header("etag", '"1"')
        self.send_header("last-modified", "Mon, 02 Nov 2026 10:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Misbehaving = Callable[..., type[Answers]]


@pytest.fixture
def misbehaving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Misbehaving]:
    """Starts a store of which every request ends as told, and sets the variables that lead to it."""
    servers: list[tuple[ThreadingHTTPServer, threading.Event]] = []

    def start(*statuses: int, hangs: bool = False) -> type[Answers]:
        ends = threading.Event()
        told = {"statuses": list(statuses), "seen": [], "hangs": ends if hangs else None}
        handler = type("Told", (Answers,), told)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append((server, ends))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_SESSION_TOKEN", "session-token")
        return handler

    yield start
    for server, ends in servers:
        ends.set()
        server.shutdown()
        server.server_close()


def test_a_request_that_fails_once_is_made_again(misbehaving: Misbehaving) -> None:
    """A 503 or two in between are nobody's business."""
    told = misbehaving(503, 500, 200)
    with pytest.raises(CorruptBlob):  # the last answer, which is no adapter
        opened("s3://bucket").get("acme", DIGEST)
    assert told.seen == ["GET"] * 3


@pytest.mark.parametrize(
    ("statuses", "message"),
    [
        ([503], "answered 503; try again later"),
        ([500], "answered 500; try again later"),
        ([403], "refuses our credentials"),
        ([401], "refuses our credentials"),
        ([400], "answered 400"),
    ],
)
def test_a_store_that_answers_wrongly_is_unavailable(
    misbehaving: Misbehaving, statuses: list[int], message: str
) -> None:
    """After a bounded number of tries, in our own words: never with a key, a signature or an address."""
    told = misbehaving(*statuses)
    blobs = opened("s3://bucket/prefix")
    calls: list[Callable[[], object]] = [
        lambda: blobs.put("acme", b"x"),
        lambda: blobs.get("acme", DIGEST),
        lambda: blobs.missing("acme", [DIGEST]),
        lambda: blobs.delete("acme", DIGEST),
        lambda: blobs.digests("acme"),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable, match=message) as raised:
            call()
        told_all = "".join(traceback.format_exception(raised.value))
        for secret in (KEY_ID, SECRET, "session-token", "Signature", "127.0.0.1"):
            assert secret not in told_all
    assert len(told.seen) <= len(calls) * (RETRIES + 1)


def test_a_store_that_hangs_is_given_up(misbehaving: Misbehaving) -> None:
    """Within the timeout and its retries."""
    misbehaving(200, hangs=True)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        opened("s3://bucket", timeout_s=0.2).get("acme", DIGEST)


def test_a_store_that_is_not_there_is_unavailable(
    misbehaving: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens at the address."""
    misbehaving(200)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match="does not answer"):
        opened("s3://bucket", timeout_s=1).put("acme", b"x")


def test_what_cannot_be_an_object_store_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that nobody named, before any request."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(InvalidSettings, match=r"MEMORY_BLOBS.*Account must be specified"):
        opened("az://container/prefix")
