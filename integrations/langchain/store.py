"""A persistent langgraph store whose items are memories, with semantic search."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from langchain_core.runnables import run_in_executor

from integrations.langchain.documents import Documents, Kept, kept, records
from integrations.langchain.scope import scoped
from integrations.langchain.shared import AnyMemory
from memory.errors import InvalidInput
from memory.records import check_metadata, now
from memory.records.filters import check_filters, meets
from memory.records.inputs import Whose

try:
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        InvalidNamespaceError,
        Item,
        ListNamespacesOp,
        MatchCondition,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
        get_text_at_path,
        tokenize_path,
    )
except ImportError as error:
    raise ImportError("the store needs langgraph: pip install 'parametric-memory[langchain]'") from error

ITEM = "langgraph:item"  # metadata key under which a memory says which item it is of
OWNER = "langgraph"  # agent that owns the items where nobody is named
_TOLD = ("text", "content", "memory", "data")  # a value's field that says what it is about


class ParametricStore(BaseStore):
    """Items under namespaces, kept in the database of a memory.

    What an item tells (its fields text, content, memory or data, else all of it, else the fields that
    `index` names) is internalized like any memory. Items belong to the user, agent or session given here,
    and to an owner of their own where nobody is, so that no user's chat recalls another's items.
    """

    supports_ttl = False

    def __init__(self, service: AnyMemory | None = None, **names: Any) -> None:
        mine = scoped(service, **names)
        if not names.keys() & {"user_id", "agent_id", "session_id"}:
            mine.agent_id = OWNER
        self.service = mine.service
        self._names = {what: value for what, value in mine.names().items() if what != "service"}
        self._documents = Documents(self.service)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do what the operations say, reads before writes; of several writes to a key the last counts.

        Raises InvalidNamespaceError, InvalidInput: before anything is written.
        """
        given = list(ops)
        for op in given:
            _check(op)
        results: list[Result] = [None if isinstance(op, PutOp) else self._read(op) for op in given]
        for op in {(op.namespace, op.key): op for op in given if isinstance(op, PutOp)}.values():
            self._put(op)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """`batch` in a thread."""
        return await run_in_executor(None, self.batch, list(ops))

    def _read(self, op: Op) -> Result:
        if isinstance(op, GetOp):
            found = self._get(op.namespace, op.key)
            return None if found is None else Item(**_fields(found))
        if isinstance(op, SearchOp):
            return self._search(op)
        if isinstance(op, ListNamespacesOp):
            return self._namespaces(op)
        raise InvalidInput(f"unknown operation {type(op).__name__}")

    # -- items

    def _get(self, namespace: tuple[str, ...], key: str) -> Kept | None:
        found = self._documents.get(_id(namespace, key), self._of(namespace, key))
        return found if found is not None and ITEM in found.metadata else None

    def _put(self, op: PutOp) -> None:
        names, document_id = self._of(op.namespace, op.key), _id(op.namespace, op.key)
        if op.value is None:
            self._documents.delete(document_id, names)
            return
        before = self._get(op.namespace, op.key)
        item = {
            "namespace": list(op.namespace),
            "key": op.key,
            "value": op.value,
            "indexed": op.index is not False,
            "created_at": (now() if before is None else _created(before)).isoformat(),
            "updated_at": now().isoformat(),
        }
        self._documents.put(document_id, _text(op), {ITEM: item}, names)

    def _search(self, op: SearchOp) -> list[SearchItem]:
        wanted = op.offset + op.limit
        found: list[SearchItem] = []
        for item, score in self._ranked(op.query) if op.query else ((item, None) for item in self._items()):
            fields = _fields(item)
            inside = fields["namespace"][: len(op.namespace_prefix)] == op.namespace_prefix
            if inside and meets(fields["value"], op.filter or {}, _inside):
                found.append(SearchItem(**fields, score=score))
            if len(found) >= wanted:
                break
        return found[op.offset : wanted]

    def _ranked(self, query: str) -> Iterator[tuple[Kept, float | None]]:
        """The indexed items, nearest first, each with its best score."""
        seen: set[str] = set()
        k = 32
        while True:
            hits = self.service.search(query, k=k, **self._names)
            for hit in hits:
                item = kept([hit.record])
                if ITEM in item.metadata and item.id not in seen and item.metadata[ITEM]["indexed"]:
                    seen.add(item.id)
                    yield item, hit.score
            if len(hits) < k:
                return
            k *= 4

    def _items(self) -> Iterator[Kept]:
        """All items, the last stored first."""
        seen: set[str] = set()
        for record in records(self.service, cast(Whose, self._names), kind="document"):
            if ITEM in record.metadata and record.document_id not in seen:
                seen.add(str(record.document_id))
                yield kept([record])

    def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        found = {_fields(item)["namespace"] for item in self._items()}
        wanted = op.match_conditions or ()
        matching = {ns for ns in found if all(_fits(ns, condition) for condition in wanted)}
        cut = {ns[: op.max_depth] for ns in matching}
        return sorted(cut)[op.offset : op.offset + op.limit]

    def _of(self, namespace: tuple[str, ...], key: str) -> Whose:
        """Each item is a session of its own, so that two items may say the same."""
        return Whose(**{"session_id": _id(namespace, key), **self._names})  # type: ignore[typeddict-item]


def _id(namespace: tuple[str, ...], key: str) -> str:
    return "item-" + hashlib.sha256(json.dumps([*namespace, key]).encode()).hexdigest()


def _created(item: Kept) -> datetime:
    return datetime.fromisoformat(item.metadata[ITEM]["created_at"])


def _fields(item: Kept) -> dict[str, Any]:
    held = item.metadata[ITEM]
    return {
        "namespace": tuple(held["namespace"]),
        "key": held["key"],
        "value": held["value"],
        "created_at": datetime.fromisoformat(held["created_at"]),
        "updated_at": datetime.fromisoformat(held["updated_at"]),
    }


def _check(op: Op) -> None:
    """Refuse what cannot be addressed or kept, also from callers that pass operations themselves."""
    if isinstance(op, GetOp | PutOp | SearchOp):
        namespace = op.namespace_prefix if isinstance(op, SearchOp) else op.namespace
        if not isinstance(namespace, tuple) or not all(
            isinstance(label, str) and label for label in namespace
        ):
            raise InvalidNamespaceError(f"a namespace is a tuple of strings, got {namespace!r}")
    if isinstance(op, SearchOp) and op.filter:
        check_filters(op.filter)
    if isinstance(op, PutOp) and op.value is not None:
        check_metadata(op.value)


def _text(op: PutOp) -> str:
    """What an item tells: what `index` names, else what the value is about."""
    value: Mapping[str, Any] = op.value or {}
    if op.index is False:
        return "/".join([*op.namespace, op.key])
    paths = op.index if op.index else [name for name in _TOLD if isinstance(value.get(name), str)][:1]
    texts = [text for path in paths for text in get_text_at_path(value, tokenize_path(path))]
    return (
        "\n".join(filter(str.strip, texts))
        or "\n".join(f"{name}: {told}" for name, told in value.items())
        or op.key
    )


def _inside(value: Any, wanted: Any) -> bool:
    """Equal, or of a mapping those items that are wanted."""
    if isinstance(wanted, Mapping):
        check_filters(wanted)
        return isinstance(value, Mapping) and meets(value, wanted, _inside)
    return bool(value == wanted)


def _fits(namespace: tuple[str, ...], condition: MatchCondition) -> bool:
    path = condition.path
    if len(namespace) < len(path):
        return False
    part = (
        namespace[: len(path)]
        if condition.match_type == "prefix"
        else namespace[len(namespace) - len(path) :]
    )
    return all(want in ("*", label) for label, want in zip(part, path, strict=True))
