"""Every error this package raises on purpose. Foreign errors are translated where they arise.

    ParametricMemoryError
    ├── InvalidInput             what the caller gave cannot be used (also a ValueError)
    │   ├── EmptyText            nothing to remember
    │   ├── TextTooLarge         more bytes than settings.max_text_bytes
    │   ├── MissingScope         nobody named: no user, agent or session
    │   └── InvalidSettings      a MEMORY_ variable or an argument of Settings is wrong
    ├── NotFound                 no such memory, session or document in this scope
    ├── Unauthenticated          no key, or one that is unknown, expired or revoked
    ├── Forbidden                the key's role does not reach that far
    ├── QuotaExceeded            more than the tenant's quota allows; `retry_after_s` says when again
    ├── TooSlow                  a request that takes too long to arrive
    ├── Cancelled                whoever asked has gone, and nobody needs the answer
    ├── Conflict                 what is asked for does not go with what is there
    │   ├── LeaseLost            the job is another worker's by now
    │   ├── Erased               what the work is about was erased while it ran
    │   └── JobCancelled         somebody asked for the job to stop
    ├── IncompatibleAdapter      made for another base model, hypernetwork or embedder
    ├── ModelUnavailable         the base model, hypernetwork or embedder cannot be loaded
    │   └── SeesNothing          it has no image encoder, and a picture was given
    ├── BlobError                an adapter file
    │   ├── MissingBlob          is not there
    │   └── CorruptBlob          is there, but its bytes do not match its name
    ├── ServerError              the server that a `memory.client` asks
    │   ├── ServerUnavailable    cannot be reached, takes too long, or cannot answer now
    │   └── ServerMismatch       is none of this package, or of another version
    └── StoreError               the database or the disk
        ├── SchemaTooNew         written by a newer version of this package
        ├── StoreUnavailable     cannot be opened, reached or understood
        ├── StoreReadOnly        cannot be written
        ├── StoreBusy            another process holds the write lock for too long
        ├── StoreConflict        another writer changed the same memories meanwhile
        └── DiskFull             no room left; what was acknowledged before is still there

Each message is one line and says what to do.
"""

from __future__ import annotations


class ParametricMemoryError(Exception):
    """Root of every error raised on purpose by this package."""


class InvalidInput(ParametricMemoryError, ValueError):
    """What the caller gave cannot be used."""


class EmptyText(InvalidInput):
    """The text is empty or blank."""


class TextTooLarge(InvalidInput):
    """The text is larger than the limit in the settings."""


class MissingScope(InvalidInput):
    """No user, agent or session was named. It never means "everything"."""


class InvalidSettings(InvalidInput):
    """A setting has a value it cannot have."""


class NotFound(ParametricMemoryError):
    """Nothing of that name in this scope. Another tenant's things are not found either."""


class Unauthenticated(ParametricMemoryError):
    """No key was shown, or one that opens nothing. Which of these it is, is not told."""


class Forbidden(ParametricMemoryError):
    """The key is good, but its role does not allow this."""


class QuotaExceeded(ParametricMemoryError):
    """The tenant has used up what its quota allows."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s  # seconds after which it may work, where nothing else changes


class TooSlow(ParametricMemoryError):
    """A request takes too long to arrive."""


class Cancelled(ParametricMemoryError):
    """Whoever asked has gone: nobody needs the answer any more."""


class Conflict(ParametricMemoryError):
    """The state of a job, key or tenant does not allow what is asked."""


class LeaseLost(Conflict):
    """A worker was silent for longer than its lease, and the job was given to another."""


class Erased(Conflict):
    """What was read or sent before an erasure is not written after it; nothing of the call was kept."""


class JobCancelled(Conflict):
    """Somebody asked for the running job to stop."""


class IncompatibleAdapter(ParametricMemoryError):
    """An adapter or embedding was made by other models than those in use."""


class ModelUnavailable(ParametricMemoryError):
    """A model cannot be loaded."""


class SeesNothing(ModelUnavailable):
    """The model reads text alone, and a picture was given."""


class BlobError(ParametricMemoryError):
    """An adapter file cannot be used."""


class MissingBlob(BlobError):
    """An adapter file is not there."""


class CorruptBlob(BlobError):
    """The bytes of an adapter file do not match the digest in its name."""


class ServerError(ParametricMemoryError):
    """The server that a client asks did not do it."""


class ServerUnavailable(ServerError):
    """The server cannot be reached, takes too long, or cannot answer now."""


class ServerMismatch(ServerError):
    """What answers at the address is no server of this package, or one of another version."""


class StoreError(ParametricMemoryError):
    """The database or the disk under it refused."""


class SchemaTooNew(StoreError):
    """The database was written by a newer version of this package."""


class StoreUnavailable(StoreError):
    """The database cannot be opened, reached or understood."""


class StoreReadOnly(StoreError):
    """The database or the folder cannot be written."""


class StoreBusy(StoreError):
    """Another process held the write lock longer than we wait."""


class StoreConflict(StoreError):
    """Another writer changed the same memories while this change was prepared; nothing was written."""


class DiskFull(StoreError):
    """No room is left on the disk."""
