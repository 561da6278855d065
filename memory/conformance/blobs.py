"""What BlobStore promises, on every implementation."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from memory.errors import MissingBlob
from memory.ports import BlobStore


class BlobStoreConformance:
    """What BlobStore promises, on every implementation."""

    blobs_listed = 30  # more than one page of your storage's list: 1001 for S3

    def test_bytes_come_back_under_their_digest(self, blobs: BlobStore) -> None:
        """The name is the sha256 of the content, empty or not."""
        for data in (b"adapter", b"", bytes(range(256)) * 1000):
            digest = blobs.put("acme", data)
            assert digest == hashlib.sha256(data).hexdigest()
            assert blobs.get("acme", digest) == data
            assert blobs.missing("acme", [digest]) == set()

    def test_the_same_bytes_are_kept_once(self, blobs: BlobStore) -> None:
        """Putting again does nothing."""
        assert blobs.put("acme", b"x") == blobs.put("acme", b"x")
        assert len(blobs.digests("acme")) == 1

    def test_another_tenant_sees_nothing(self, blobs: BlobStore) -> None:
        """Not even a blob whose digest it knows; and deleting there takes nothing away here."""
        digest = blobs.put("acme", b"x")
        with pytest.raises(MissingBlob):
            blobs.get("other", digest)
        assert blobs.missing("other", [digest]) == {digest}
        assert blobs.digests("other") == []
        blobs.delete("other", digest)
        assert blobs.get("acme", digest) == b"x"

    def test_a_deleted_blob_is_missing(self, blobs: BlobStore) -> None:
        """Deleting twice is no error, reading says what is missing."""
        digest = blobs.put("acme", b"x")
        blobs.delete("acme", digest)
        blobs.delete("acme", digest)
        assert blobs.missing("acme", [digest]) == {digest}
        with pytest.raises(MissingBlob, match=digest):
            blobs.get("acme", digest)

    def test_a_digest_that_is_none_is_missing(self, blobs: BlobStore) -> None:
        """A name cannot lead anywhere else, and one of a damaged row holds up no erasure."""
        for digest in ("../../etc/passwd", "junk", ""):
            with pytest.raises(MissingBlob):
                blobs.get("acme", digest)
            assert blobs.missing("acme", [digest]) == {digest}
            blobs.delete("acme", digest)

    def test_young_blobs_can_be_passed_over(self, blobs: BlobStore) -> None:
        """What was put just now may still be waiting for its row."""
        digest = blobs.put("acme", b"x")
        assert blobs.digests("acme", older_than=timedelta(hours=1)) == []
        assert blobs.digests("acme") == [digest]

    def test_blobs_of_unknown_tenants_are_cleaned_away(self, blobs: BlobStore) -> None:
        """They were put for rows that never came; known tenants' blobs and young ones stay."""
        digest = blobs.put("acme", b"x")
        blobs.put("ghost", b"x")
        assert blobs.clean(tenants=["acme"], older_than=timedelta(hours=1)) == 0
        assert blobs.clean(tenants=["acme"], older_than=timedelta(0)) == 1
        assert (blobs.digests("ghost"), blobs.digests("acme")) == ([], [digest])

    def test_tenants_with_similar_names_share_nothing(self, blobs: BlobStore) -> None:
        """One name begins another or reads as a path; a key made of the bare name mixes them up."""
        names = ["a", "ab", "A", "a/b", "..", "../a", "%2e", "b?c#d e", "\u00e4"]
        own = {name: [blobs.put(name, name.encode())] for name in names}
        own["a"] = sorted([*own["a"], blobs.put("a", b"ab")])  # which another tenant has as well
        assert {name: blobs.digests(name) for name in names} == own
        assert blobs.clean(tenants=names, older_than=timedelta(0)) == 0
        assert blobs.clean(tenants=["a"], older_than=timedelta(0)) == len(names) - 1
        assert [blobs.digests(name) for name in names] == [own["a"], *([] for _ in names[1:])]

    def test_a_list_of_digests_is_complete(self, blobs: BlobStore) -> None:
        """Also where the storage lists in pages: none is missing, none named twice."""
        digests = {blobs.put("acme", str(number).encode()) for number in range(self.blobs_listed)}
        assert blobs.digests("acme") == sorted(digests)
