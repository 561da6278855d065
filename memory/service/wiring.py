"""The use cases, wired to the backends that they need.

Importing this imports all of them, and what they import: a service does so when a verb first needs one.
"""

from __future__ import annotations

from dataclasses import dataclass

from memory.ports import Backends
from memory.read.adapters import Adapters
from memory.read.answering import Answerer
from memory.read.chat import Chat, Forget
from memory.read.past import PastIndex
from memory.read.recall import Recaller
from memory.read.selection import Selector
from memory.read.skills import TurnSkills
from memory.read.usage import Usage
from memory.records import Message, Scope
from memory.settings import Settings
from memory.upkeep.compaction import Compactor
from memory.upkeep.erasure import Eraser
from memory.upkeep.exports import Exports
from memory.upkeep.histories.telling import HistoryImporter
from memory.upkeep.transfer import Exporter, Importer
from memory.write.adapter_factory import AdapterFactory, Storage
from memory.write.density import DensityGuard
from memory.write.images import Images
from memory.write.ingest import Ingest
from memory.write.measure import Measure
from memory.write.origin import Origin
from memory.write.passage_writer import PassageWriter
from memory.write.skills import Skills
from memory.write.staging import Leftovers
from memory.write.supersession import Supersession


@dataclass(frozen=True, slots=True)
class UseCases:
    """What a memory does, each case wired to the backends that it needs."""

    ingest: Ingest
    skills: Skills
    images: Images
    selector: Selector
    recaller: Recaller
    adapters: Adapters
    answerer: Answerer
    chat: Chat
    usage: Usage
    eraser: Eraser
    compactor: Compactor
    exporter: Exporter
    importer: Importer
    histories: HistoryImporter
    forget: Forget


def wire(settings: Settings, backends: Backends, exports: Exports) -> UseCases:
    """The use cases on these backends."""
    store, blobs, index = backends.store, backends.blobs, backends.index
    internalizer, generator, reader = backends.internalizer, backends.generator, backends.reader
    storage = Storage(settings.adapter_storage, settings.adapter_rank)
    leftovers = Leftovers()
    making = AdapterFactory(
        blobs, backends.embedder, internalizer, reader, backends.skills, storage, leftovers
    )
    supersession = Supersession(store, index, making, reader) if settings.supersede else None
    writer = PassageWriter(store, making, leftovers, supersession)
    measure = Measure(generator, internalizer, reader)
    guard = DensityGuard(making, measure, settings.compact_margin)

    adapters = Adapters(blobs, internalizer, writer, reader, int(settings.adapter_cache_mb * 2**20))
    past = PastIndex(store, index)
    selector = Selector(store, index, settings, internalizer, reader, backends.embedder, past=past)
    turn_skills = TurnSkills(store, selector.embed, settings)
    recaller = Recaller(selector, internalizer, reader, backends.reranker)
    usage = Usage(store)
    eraser = Eraser(
        store,
        blobs,
        index,
        adapters,
        making,
        writer,
        leftovers,
        past,
        exports,
        lists_at_writes=settings.object_store is None,
    )
    ingest = Ingest(store, writer, making, backends.embedder, internalizer, guard, reader)
    answerer = Answerer(
        store, selector, recaller, adapters, turn_skills, generator, internalizer, settings, usage, reader
    )

    def remember(said: Message, reply: Message, scope: Scope) -> None:
        ingest.exchange(said, reply, Origin(scope))

    def forget(named: str, scope: Scope) -> int:
        found = selector.about(scope.of_teller(), named)
        for memory_id in found:
            eraser.forget_one(scope.of_teller(), memory_id)
        return len(found)

    return UseCases(
        ingest=ingest,
        skills=Skills(store, writer, backends.skills),
        images=Images(internalizer, writer),
        selector=selector,
        recaller=recaller,
        adapters=adapters,
        answerer=answerer,
        chat=Chat(store, answerer, reader, remember, forget, settings.hot_window_turns),
        usage=usage,
        eraser=eraser,
        compactor=Compactor(
            store, making, adapters, internalizer, measure, eraser, leftovers, settings, reader
        ),
        exporter=Exporter(store, blobs),
        importer=Importer(store, making, internalizer, settings.max_text_bytes),
        histories=HistoryImporter(store, ingest, reader, settings.max_text_bytes),
        forget=forget,
    )
