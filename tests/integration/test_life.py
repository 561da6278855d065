"""The life of a memory through the front door: time, compaction, forgetting, importance, with echoes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hypernet.lora.adapter import LoRA
from memory import Memory
from memory.errors import InvalidInput, NotFound, StoreConflict
from memory.fakes import EchoInternalizer
from memory.records import Message, now
from memory.upkeep.reports import CompactReport
from tests.faults import Faulty

MakeMemory = Callable[..., Memory]
LISBON, PORTO = "I live in Lisbon.", "I moved from Lisbon to Porto."
TOLD = [f"My {thing} is called {name}." for thing, name in (
    ("dog", "Biscuit"), ("cat", "Onyx"), ("horse", "Vesper"), ("boat", "Marlin"), ("band", "Static"),
    ("street", "Elmway"), ("school", "Corvo"), ("team", "Lynx"), ("shop", "Quill"), ("river", "Tamar"),
)]  # fmt: skip
QUESTIONS = [(text.split(" is ")[0] + "?", text) for text in TOLD]


@pytest.fixture
def make_memory(make_memory: MakeMemory) -> MakeMemory:
    """Memories that compact up to sixty tokens: about ten short sentences in three."""
    return partial(make_memory, compact_tokens=60)


def everything_in(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def texts(memory: Memory, **given: Any) -> list[str]:
    return [record.text for record in reversed(memory.list(user_id="ana", **given).records)]


def told(memory: Memory, session: str | None = "s") -> Memory:
    for text in TOLD:
        memory.add(text, user_id="ana", session_id=session)
    return memory


def compacted(memory: Memory, **given: Any) -> CompactReport:
    return memory.compact(user_id="ana", **given)


def answers(memory: Memory, **given: Any) -> list[str]:
    """The sentence that answers each question: of a compacted memory it is one among several."""
    given = {"mode": "adapters", **given}
    return [memory.ask(question, user_id="ana", **given).text for question, _ in QUESTIONS]


# -- time


def by_text(memory: Memory, text: str) -> None:
    memory.add(text, user_id="ana")


def by_chat(memory: Memory, text: str) -> None:
    memory.chat(text, user_id="ana", session_id=f"of {len(text)}")


def by_document(memory: Memory, text: str) -> None:
    memory.add(f"Notes of {len(text)} letters. {text}", user_id="ana", document_id="notes")


def by_update(memory: Memory, text: str) -> None:
    page = memory.list(user_id="ana").records
    if page:
        memory.update(page[0].id, text)
    else:
        memory.add(text, user_id="ana")


@pytest.mark.parametrize("tell", [by_text, by_chat, by_document, by_update])
def test_what_is_told_anew_supersedes(memory: Memory, tell: Callable[[Memory, str], None]) -> None:
    """The present knows Porto alone, in lists, searches, selections and answers; the past knows Lisbon."""
    tell(memory, LISBON)
    before = now()
    tell(memory, PORTO)
    ask = "Where do I live, Lisbon or Porto?"
    said = " ".join(texts(memory))
    assert (PORTO in said, LISBON in said) == (True, False)
    assert all(LISBON not in hit.record.text for hit in memory.search(LISBON, user_id="ana"))
    assert all(LISBON not in choice.text for choice in memory.select(LISBON, user_id="ana"))
    assert "Porto" in memory.ask(ask, user_id="ana").text
    assert [LISBON in text for text in texts(memory, as_of=before)] == [True]
    assert LISBON in memory.search(ask, user_id="ana", as_of=before)[0].record.text
    assert LISBON in memory.select(LISBON, user_id="ana", as_of=before)[0].text
    past = memory.ask(ask, user_id="ana", as_of=before).text
    assert ("Lisbon" in past, "Porto" in past) == (True, False)
    assert texts(memory, as_of=before - timedelta(days=1)) == []


def test_the_superseder_is_named(memory: Memory) -> None:
    """The new memory says what it replaced, and the old one by what; history has it too."""
    [old] = memory.add(LISBON, user_id="ana", session_id="a")
    added = memory.add(PORTO, user_id="ana", session_id="b")
    assert added.superseded == {old.id}
    outdated = memory.get(old.id)
    assert outdated.superseded_by == added[0].id
    assert outdated.valid_until is not None
    assert [event.event for event in memory.history(old.id)] == ["ADD", "OUTDATE"]


def test_only_what_is_contradicted_goes(memory: Memory) -> None:
    """Of a passage that says two things, one stays; whose else it is stays too."""
    memory.add("My dog is called Biscuit. I live in Lisbon.", user_id="ana")
    memory.add(LISBON, user_id="ben")
    before = now()
    memory.add(PORTO, user_id="ana")
    assert texts(memory) == ["My dog is called Biscuit.", PORTO]
    assert texts(memory, as_of=before) == ["My dog is called Biscuit. I live in Lisbon."]
    assert [r.text for r in memory.list(user_id="ben").records] == [LISBON]


def test_a_later_line_of_one_conversation_supersedes_an_earlier_one(memory: Memory) -> None:
    """Told in one call, the last word counts."""
    said = [
        Message("user", LISBON),
        Message("user", "Good to know: " + "the sun shines here today. " * 16),
        Message("user", PORTO),
    ]
    memory.add(said, user_id="ana", session_id="s")
    assert LISBON not in " ".join(texts(memory))
    assert PORTO in " ".join(texts(memory))


def test_in_doubt_both_are_kept(make_memory: MakeMemory) -> None:
    """Sets grow; and detection can be switched off."""
    memory = make_memory()
    for text in ("I like tea.", "I like coffee.", "My friend is called Ana.", "My friend is called Ben."):
        assert not memory.add(text, user_id="ana").superseded
    assert len(texts(memory)) == 4
    keeping = make_memory(supersede=False)
    keeping.add(LISBON, user_id="ben")
    assert not keeping.add(PORTO, user_id="ben").superseded


def test_a_document_is_compared_with_its_former_version(memory: Memory) -> None:
    """What is the same stays, what is not said any more is of the past, twice the same adds nothing."""
    page = [f"Paragraph {i} is about number {i} and about nothing else." for i in range(30)]
    first = memory.add("\n\n".join(page), user_id="ana", document_id="d")
    before = now()
    page[3] = "Paragraph three was written again."
    second = memory.add("\n\n".join(page), user_id="ana", document_id="d")
    assert 0 < len(second.created) < len(second)
    assert second.superseded == {r.id for r in first} - {r.id for r in second}
    assert "number 3 " not in " ".join(texts(memory, document_id="d"))
    assert texts(memory, document_id="d", as_of=before) == [record.text for record in first]
    third = memory.add("\n\n".join(page), user_id="ana", document_id="d")
    assert not third.created | third.superseded


def test_what_begins_later_or_ends_is_recalled_in_its_time(memory: Memory) -> None:
    """Validity can be told; a time without a zone, or an end before the beginning, is refused."""
    tomorrow = now() + timedelta(days=1)
    memory.add("The shop opens at nine.", user_id="ana", valid_until=tomorrow)
    memory.add("The shop opens at ten.", user_id="ana", valid_from=tomorrow)
    assert texts(memory) == ["The shop opens at nine."]
    assert texts(memory, as_of=tomorrow) == ["The shop opens at ten."]
    with pytest.raises(InvalidInput, match="time zone"):
        memory.add("x", user_id="ana", valid_from=datetime(2026, 1, 1))
    with pytest.raises(InvalidInput, match="must be later"):
        memory.add("x", user_id="ana", valid_until=now() - timedelta(days=1))
    with pytest.raises(InvalidInput, match="time zone"):
        memory.search("x", user_id="ana", as_of=datetime(2026, 1, 1))


def test_what_does_not_hold_now_supersedes_nothing_that_does(memory: Memory) -> None:
    """Neither an announcement nor a time that ends takes the place of what holds without end."""
    memory.add(LISBON, user_id="ana")
    tomorrow = now() + timedelta(days=1)
    for given in ({"valid_from": tomorrow}, {"valid_until": tomorrow}):
        added = memory.add("I live in Porto.", user_id="ana", **given)
        assert not added.superseded
    assert LISBON in texts(memory)


# -- compaction


def test_few_memories_answer_as_many_did(memory: Memory) -> None:
    """Fewer adapters, the same answers, the report says so, and a second time there is nothing to do."""
    before = answers(told(memory))
    planned = compacted(memory, dry_run=True)
    assert (len(texts(memory)), planned.bytes_after, planned.dry_run) == (10, None, True)
    seen: list[tuple[int, int]] = []
    report = compacted(memory, progress=lambda done, total: seen.append((done, total)))
    assert (report.adapters_before, report.compacted, report.kept) == (10, 10, 0)
    assert report.adapters_after == planned.adapters_after == len(texts(memory)) < 5
    assert (report.recall_before, report.recall_after, report.likelihood_after) == (1.0, 1.0, 0.0)
    assert seen[-1] == (10, 10)
    for answer, (_, text) in zip(answers(memory), QUESTIONS, strict=True):
        assert text in answer
    assert before == TOLD
    again = compacted(memory)
    assert (again.groups, again.compacted) == (0, 0)


def test_the_past_does_not_know_of_compaction(memory: Memory) -> None:
    """As of before and after it, the same passages are listed, found and answer."""
    told(memory)
    then = now()
    before = texts(memory, as_of=then)
    compacted(memory)
    assert texts(memory, as_of=then) == before == TOLD
    assert texts(memory, as_of=now()) == TOLD
    assert answers(memory, as_of=then) == TOLD


def test_ids_of_compacted_passages_lead_on(memory: Memory) -> None:
    """`get` names the memory that holds it, history goes on, and telling it again adds nothing."""
    [first] = memory.add(TOLD[0], user_id="ana", session_id="s")
    told(memory)
    compacted(memory)
    with pytest.raises(NotFound, match="compacted") as error:
        memory.get(first.id)
    whole = memory.get(str(error.value).split("'")[3])
    assert TOLD[0] in whole.text
    assert whole.compacted > 1
    assert [event.event for event in memory.history(first.id)] == ["ADD", "RETIRE"]
    again = memory.add(TOLD[0], user_id="ana", session_id="s")
    assert (list(again), again.created) == ([whole], frozenset())


def test_what_is_compacted_keeps_apart(memory: Memory) -> None:
    """No memory mixes sessions, documents or users; pinned, expiring and young ones stay as they are."""
    told(memory, "a")
    told(memory, "b")
    [pinned] = memory.add("My code word is Heron.", user_id="ana", session_id="a")
    memory.pin(pinned.id)
    memory.add("My locker is number 12.", user_id="ana", session_id="a", expires_at=now() + timedelta(days=1))
    assert compacted(memory, older_than=timedelta(days=1)).groups == 0
    assert compacted(memory, min_adapters=11).groups == 0
    assert compacted(memory, session_id="a").groups == 1
    found = memory.list(user_id="ana", session_id="a").records
    assert {r.text for r in found if not r.compacted} == {"My code word is Heron.", "My locker is number 12."}
    assert {r.scope.session_id for r in found} == {"a"}
    assert len(memory.list(user_id="ana", session_id="b").records) == 10
    with pytest.raises(InvalidInput, match="min_adapters"):
        memory.compact(min_adapters=1)
    assert memory.compact().groups == 1


def test_compaction_drops_what_is_outdated_or_told_twice(memory: Memory) -> None:
    """No adapter holds the old city any more, a twin is said once, and the past still has both."""
    told(memory)
    memory.add(LISBON, user_id="ana", session_id="s")
    memory.add("My dog is called BISCUIT!", user_id="ana", session_id="s")
    before = now()
    memory.add(PORTO, user_id="ana", session_id="s")
    report = compacted(memory)
    assert report.retired == 1
    said = " ".join(texts(memory))
    assert (said.count(LISBON), said.lower().count("biscuit")) == (0, 1)
    assert LISBON in texts(memory, as_of=before)


def test_new_information_reaches_into_compacted_memories(memory: Memory) -> None:
    """The memory that held the old city is made again without it, at once."""
    memory.add(LISBON, user_id="ana", session_id="s")
    told(memory)
    compacted(memory)
    before = now()
    added = memory.add(PORTO, user_id="ana", session_id="t")
    assert len(added.superseded) == 1
    assert LISBON not in " ".join(texts(memory))
    assert LISBON in texts(memory, as_of=before)
    for answer, (_, text) in zip(answers(memory), QUESTIONS, strict=True):
        assert text in answer


class Forgetful(EchoInternalizer):
    """Its adapters hold the first `letters` bytes of a text: what is dense loses its end."""

    letters = 60

    def generate(self, passages: Sequence[str]) -> list[LoRA]:
        return super().generate([text.encode()[: self.letters].decode(errors="ignore") for text in passages])


def test_adapters_that_answer_worse_do_not_replace(make_memory: MakeMemory) -> None:
    """What a chunk would lose is found out: it is cut until nothing is lost, or stays as it was."""
    memory = told(make_memory(internalizer=Forgetful()))
    report = compacted(memory)
    assert report.adapters_after > 4
    assert report.recall_after == 1.0
    assert answers(memory) != []
    for answer, (_, text) in zip(answers(memory), QUESTIONS, strict=True):
        assert text in answer
    hopeless = told(make_memory(internalizer=Forgetful(hypernet_fingerprint="echo-hypernet")), "other")
    hopeless._backends.internalizer.letters = 26  # type: ignore[attr-defined]
    report = compacted(hopeless, session_id="other")
    assert (report.compacted, report.kept) == (0, 10)
    assert texts(hopeless, session_id="other") == TOLD


def test_a_passage_too_dense_for_its_adapter_is_cut_when_it_is_told(make_memory: MakeMemory) -> None:
    """Told in one message, by one speaker, all of it is remembered; what is held well is left whole."""
    said = Message("user", " ".join(TOLD[:8]))
    whole = make_memory()
    assert len(whole.add([said], user_id="ana")) == 1
    memory = make_memory(home=whole.settings.home / "other", internalizer=Forgetful())
    added = memory.add([said], user_id="ana", session_id="s")
    assert len(added) > 1
    assert " ".join(record.text.removeprefix("User: ") for record in added) == said.text
    assert {record.role for record in added} == {"user"}
    for question, text in QUESTIONS[:8]:
        assert text in memory.ask(question, user_id="ana").text
    assert not memory.add([said], user_id="ana", session_id="s").created


def test_what_may_contradict_shares_no_adapter(memory: Memory) -> None:
    """Both are kept, of which one stays as it is, so that the older one can give way."""
    for text in (*TOLD[:2], "I painted my car green.", *TOLD[2:4], "Lilac is the colour of my car."):
        memory.add(text, user_id="ana", session_id="s")
    compacted(memory, min_adapters=2)
    records = memory.list(user_id="ana").records
    assert [r.compacted for r in records] == [5, 0]
    assert not any("green" in r.text and "Lilac" in r.text for r in records)
    assert "Lilac" in memory.ask("What colour is my car?", user_id="ana").text
    assert "green" not in " ".join(c.text for c in memory.select("What colour is my car?", user_id="ana"))


def test_new_metadata_of_a_compacted_memory_reaches_its_passages(memory: Memory) -> None:
    """Alone or with another expiry; forgetting by it finds them, and what they had no more."""
    for text in TOLD[:2]:
        memory.add(text, user_id="ana", session_id="s", metadata={"topic": "pets"})
    compacted(memory, min_adapters=2)
    [whole] = memory.list(user_id="ana").records
    memory.update(whole.id, metadata={"topic": "old"})
    assert not memory.forget(metadata={"topic": "pets"}, user_id="ana").memories
    memory.update(whole.id, metadata={"topic": "new"}, expires_at=now() + timedelta(days=1))
    assert [r.metadata for r in memory.list(user_id="ana", as_of=now()).records] == [{"topic": "new"}] * 2
    assert not memory.forget(metadata={"topic": "old"}, user_id="ana").memories
    assert len(memory.forget(metadata={"topic": "new"}, user_id="ana").memories) == 3
    assert texts(memory) == []


def test_a_compaction_that_is_overtaken_steps_back(make_memory: MakeMemory) -> None:
    """Of two at once one wins; the other says so; nothing is lost or doubled."""
    memory = told(make_memory())
    other = make_memory()

    def overtake(step: str) -> None:
        if step == "before store.add":
            other.compact(user_id="ana")

    slow = make_memory(store=Faulty(memory._backends.store, "store", overtake))
    report = slow.compact(user_id="ana")
    assert (report.compacted, report.conflicts) == (0, 1)
    assert sorted(" ".join(texts(memory)).replace("\n", " ").split(". ")) == sorted(
        " ".join(TOLD).split(". ")
    )
    assert texts(memory, as_of=now()) == TOLD


def test_a_memory_is_compacted_further_while_it_has_room(memory: Memory) -> None:
    """A chunk that is half empty takes in what is told later; full ones are left alone."""
    for text in TOLD[:2]:
        memory.add(text, user_id="ana", session_id="s")
    compacted(memory, min_adapters=2)
    [first] = memory.list(user_id="ana").records
    memory.add(TOLD[2], user_id="ana", session_id="s")
    compacted(memory, min_adapters=2)
    [second] = memory.list(user_id="ana").records
    assert (first.compacted, second.compacted) == (2, 3)
    assert second.text == "\n".join(TOLD[:3])
    assert texts(memory, as_of=now()) == TOLD[:3]


def test_a_compacted_memory_is_found_by_what_it_holds(memory: Memory) -> None:
    """Its score is that of its nearest passage, as before it was compacted."""
    told(memory)
    before = memory.search(TOLD[4], user_id="ana", k=1)[0]
    compacted(memory)
    [after] = memory.search(TOLD[4], user_id="ana", k=1)
    assert TOLD[4] in after.record.text
    assert after.score == pytest.approx(before.score, abs=1e-5)
    assert memory.select(TOLD[4], user_id="ana")[0].memory_id == after.record.id
    assert all(hit.record.scope.user_id == "ana" for hit in memory.search("My dog?", user_id="ana", k=9))
    assert memory.search(TOLD[4], user_id="ben") == []


def test_passages_of_compacted_memories_are_read_once_for_many_turns(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until something changes: what was forgotten since is found no more."""
    compacted(told(memory))
    store = memory._backends.store
    reads: list[Any] = []
    past = store.past
    monkeypatch.setattr(store, "past", lambda *given: reads.append(given) or past(*given))
    for text in TOLD:
        assert text in memory.search(text, user_id="ana", k=1)[0].record.text
    assert len(reads) == 1
    memory.forget(user_id="ana", session_id="s")
    assert memory.search(TOLD[4], user_id="ana", k=1) == []
    assert len(reads) == 2


# -- forgetting


def test_what_is_forgotten_leaves_compacted_memories(
    make_memory: MakeMemory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the id it had: no file, log or answer knows it, the rest is made again, the receipt says what."""
    caplog.set_level(logging.DEBUG)
    memory = make_memory()
    [secret] = memory.add("My code word is Heron.", user_id="ana", session_id="s")
    told(memory)
    memory.ask("My code word?", user_id="ana")
    compacted(memory)
    assert "Heron" in memory.ask("My code word?", user_id="ana").text
    receipt = memory.forget(memory_id=secret.id)
    assert [gone.memory_id for gone in receipt.memories] == [secret.id]
    assert receipt.memories[0].content_hash == secret.content_hash
    assert len(receipt.rebuilt) == len(receipt.blobs) == 1
    assert "Heron" not in memory.ask("My code word?", user_id="ana").text
    for answer, (_, text) in zip(answers(memory), QUESTIONS, strict=True):
        assert text in answer
    assert b"Heron" not in everything_in(tmp_path)
    assert "Heron" not in caplog.text
    memory.close()
    assert b"Heron" not in everything_in(tmp_path)
    with pytest.raises(NotFound, match="no memory"):
        memory.forget(memory_id=secret.id)


@pytest.mark.parametrize(
    "what", [{"user_id": "ana"}, {"user_id": "ana", "session_id": "s"}, {"document_id": "d"}]
)
def test_scopes_go_with_all_that_was_made_of_them(
    make_memory: MakeMemory, tmp_path: Path, what: dict[str, str]
) -> None:
    """User, session or document: compacted memories, their passages and their past are in no file."""
    memory = make_memory()
    for text in [*TOLD, LISBON, PORTO] if "document_id" not in what else []:
        memory.add(text, user_id="ana", session_id="s")
    if "document_id" in what:
        memory.add(
            "\n\n".join(TOLD * 3).replace(".", ", as the Biscuit file says."), user_id="ana", document_id="d"
        )
    memory.add("My cat is called Tom.", user_id="ben")
    memory.compact(min_adapters=2)
    receipt = memory.forget(**what)
    assert len(receipt.memories) >= 10
    memory.close()
    left = everything_in(tmp_path)
    for word in (b"Biscuit", b"Lisbon", b"Porto", b"Tamar"):
        assert word not in left
    assert b"Tom" in left


def test_forgetting_by_metadata(memory: Memory) -> None:
    """What has the items goes, compacted or not; blank filters and missing scopes are refused."""
    odd = []
    for i, text in enumerate(TOLD):
        told = memory.add(text, user_id="ana", session_id="s", metadata={"topic": "odd" if i % 2 else "even"})
        odd += told if i % 2 else []
    memory.add("My hat is red.", user_id="ana", metadata={"topic": "odd", "x": 1})
    compacted(memory)
    receipt = memory.forget(metadata={"topic": "odd"}, user_id="ana")
    gone = {memory.memory_id for memory in receipt.memories}
    assert {r.id for r in odd} <= gone
    assert not receipt.rebuilt  # only what has the same metadata is joined
    assert texts(memory, as_of=now()) == TOLD[::2]
    said = " ".join(texts(memory))
    assert ("Onyx" in said, "Biscuit" in said) == (False, True)
    with pytest.raises(InvalidInput, match="at least one"):
        memory.forget(metadata={}, user_id="ana")
    with pytest.raises(InvalidInput, match="whose memory"):
        memory.forget(metadata={"a": 1})


def test_updates_of_compacted_memories(memory: Memory, tmp_path: Path) -> None:
    """A new text takes the place of all that it held; without a past nothing of it is left."""
    told(memory)
    compacted(memory)
    [one, *_] = memory.list(user_id="ana").records
    before = now()
    changed = memory.update(one.id, "My parrot is called Kiwi.")
    assert (changed.id, changed.compacted) == (one.id, 0)
    assert len(texts(memory, as_of=before)) == 10
    memory.update(one.id, "My parrot is called Rio.", keep_past=False)
    assert texts(memory)[-1] == "My parrot is called Rio."
    memory.close()
    held = one.text.split("\n")[-1].encode()
    left = everything_in(tmp_path)
    assert (held in left, b"Kiwi" in left) == (False, False)


def test_what_changes_during_a_reindexing_stays_changed(make_memory: MakeMemory) -> None:
    """A text that was updated does not come back when its adapter is made again, nor does what was erased."""
    first = told(make_memory())
    steps: list[str] = []

    def overtake(step: str) -> None:
        if step == "before store.update" and not steps:
            steps.append(step)
            one, two, *_ = sorted(record.id for record in first.list(user_id="ana").records)
            first.update(one, "My parrot is called Kiwi.")
            first.delete(two)

    memory = make_memory(internalizer=EchoInternalizer(hypernet_fingerprint="new"))
    memory._cases.ingest._internalize._store = Faulty(memory._backends.store, "store", overtake)
    memory.reindex()
    assert texts(memory) == ["My parrot is called Kiwi.", *TOLD[2:]]
    assert memory.reindex() == 0


def test_an_erasure_that_is_always_overtaken_says_so(make_memory: MakeMemory) -> None:
    """Nothing is half forgotten: it raises, and asked again it is done."""
    memory = make_memory()
    [first] = memory.add(TOLD[0], user_id="ana", session_id="s")
    told(memory)
    compacted(memory)
    [whole] = memory._backends.store.retired(first.scope, ids=[first.id])

    def meddle(step: str) -> None:
        if step == "before store.revise":
            memory._backends.store.annotate(
                first.scope, whole.held_by or "", metadata={"at": now().isoformat()}
            )

    meddled = make_memory(store=Faulty(memory._backends.store, "store", meddle))
    with pytest.raises(StoreConflict, match="forget them again"):
        meddled.forget(memory_id=first.id)
    assert TOLD[0] in " ".join(texts(memory))
    assert memory.forget(memory_id=first.id).rebuilt


# -- importance


def test_a_pinned_memory_goes_first(memory: Memory) -> None:
    """Where it matters at all; elsewhere it does not intrude. Unpinned it is as others."""
    for place in ("shed", "barn", "attic", "cellar", "porch", "yard"):
        memory.add(f"The key for the {place} hangs in the {place} box, quite high up.", user_id="ana")
    pinned = memory.list(user_id="ana").records[-1]
    query = "Where does the key for the yard hang?"
    assert "yard" in memory.select(query, user_id="ana")[0].text
    assert memory.pin(pinned.id).pinned
    assert memory.select(query, user_id="ana")[0].memory_id == pinned.id
    assert pinned.id not in [c.memory_id for c in memory.select("Zebra quagga okapi?", user_id="ana")]
    assert not memory.pin(pinned.id, False).pinned
    assert "yard" in memory.select(query, user_id="ana")[0].text
    with pytest.raises(NotFound):
        memory.pin("unknown")


def test_uses_are_counted_without_a_write_a_turn(make_memory: MakeMemory) -> None:
    """Answers count in memory; the next write, or closing, keeps it, and the change counter stands still."""
    memory = make_memory()
    [dog] = memory.add(TOLD[0], user_id="ana")
    version = memory._backends.store.version("default")
    for _ in range(3):
        memory.ask("My dog?", user_id="ana")
    assert memory.get(dog.id).uses == 0
    memory.close()
    reopened = make_memory()
    record = reopened.get(dog.id)
    assert (record.uses, record.used_at is not None) == (3, True)
    assert reopened._backends.store.version("default") == version


def test_documents_stand_by_themselves(memory: Memory) -> None:
    """Their "I" may be anybody: neither do they supersede, nor are they superseded by others."""
    memory.add(LISBON, user_id="ana", document_id="a diary")
    assert not memory.add(PORTO, user_id="ana", document_id="another").superseded
    assert not memory.add("We live in Faro.", user_id="ana").superseded
    assert len(texts(memory)) == 3


def test_metadata_outlives_compaction(memory: Memory) -> None:
    """Only what has the same metadata is joined, so that all of it is still there to be seen and filtered."""
    for i, text in enumerate(TOLD):
        memory.add(text, user_id="ana", session_id="s", metadata={"half": i // 5})
    compacted(memory)
    found = memory.list(user_id="ana").records
    assert len(found) == 2
    for record in found:
        assert all(text in record.text for text in TOLD[5 * record.metadata["half"] :][:5])
