"""Retriever, document index and compressor, beyond the standard suites."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

from integrations.langchain import ParametricMemory, ParametricRetriever
from memory.errors import EmptyText, InvalidInput, MissingScope

LONG = "\n\n".join(
    f"Chapter {n}.\nThe hero of chapter {n} is called Hero{n} and lives in town {n}." for n in range(12)
)


ABOUT_SEVEN = "Is the hero of chapter 7 called Hero7 and does Hero7 live in town 7?"


def test_found_documents_say_which_adapter_they_are(parametric: ParametricMemory) -> None:
    """Id, score, weight, source and time; a document's own source goes first."""
    [record] = parametric.add([{"role": "user", "content": "My dog is called Biscuit."}], session_id="monday")
    parametric.as_retriever().upsert(
        [Document("My cat is called Onyx.", id="cat", metadata={"source": "form"})]
    )
    dog, cat = parametric.as_retriever(k=2).invoke("What is my dog called?")
    assert (dog.id, dog.page_content) == (record.id, record.text)
    assert dog.metadata["memory_id"] == record.id
    assert dog.metadata["adapter_id"] == record.adapter.digest
    assert dog.metadata["score"] > cat.metadata["score"]
    assert dog.metadata["weight"] == 1.0
    assert dog.metadata["source"] == "session monday, turns 0 to 0"
    assert datetime.fromisoformat(dog.metadata["created_at"]) == record.created_at
    assert (cat.id, cat.metadata["source"]) == ("cat", "form")


def test_what_a_merge_would_leave_out_has_no_weight(parametric: ParametricMemory) -> None:
    """It is found, but the chat model would not use it."""
    parametric.add("My dog is called Biscuit.")
    parametric.add("Rent is due on Monday.")
    assert [
        found.metadata["weight"] for found in parametric.as_retriever().invoke("What is my dog called?")
    ] == [1, 0]


def test_long_documents_come_back_letter_by_letter(parametric: ParametricMemory) -> None:
    """A document of many passages is one in `get`, single passages in `invoke`."""
    index = parametric.as_retriever()
    index.upsert([Document(LONG, id="book", metadata={"year": 1999})])
    assert index.get(["book"]) == [Document(LONG, id="book", metadata={"year": 1999})]
    best = index.invoke(ABOUT_SEVEN, k=1)[0]
    assert (best.id, best.metadata["year"]) == ("book", 1999)
    assert "Hero7" in best.page_content
    assert len(best.page_content) < len(LONG) / 2
    index.upsert([Document("Short now.", id="book")])
    assert index.get(["book"]) == [Document("Short now.", id="book")]
    assert len(parametric.get_all()) == 1


def test_a_passage_shared_by_two_documents(parametric: ParametricMemory) -> None:
    """Both come back whole; a document that says nothing of its own is reported, not dropped."""
    index = parametric.as_retriever()
    header = "Terms of use apply to all of this text." + " Really." * 25
    first, second = f"{header}\n\nThe dog is Biscuit.", f"{header}\n\nThe cat is Onyx."
    index.upsert([Document(first, id="1"), Document(second, id="2")])
    assert {document.page_content for document in index.get(["1", "2"])} == {first, second}
    assert index.upsert([Document(first, id="3")]) == {"succeeded": [], "failed": ["3"]}
    assert index.get(["3"]) == []


def test_bad_documents_store_nothing(parametric: ParametricMemory) -> None:
    """Blank text, or metadata that JSON cannot hold, refuses the whole call."""
    fine = Document("My dog is called Biscuit.", id="dog")
    with pytest.raises(EmptyText):
        parametric.as_retriever().upsert([fine, Document(" ")])
    with pytest.raises(InvalidInput, match="JSON"):
        parametric.as_retriever().upsert([fine, Document("x", metadata={"at": datetime.now(UTC)})])
    assert parametric.get_all() == []


def test_indexes_of_two_users_are_apart(anybody: ParametricMemory, whose: Any) -> None:
    """The same id is another document for another user; nobody named is an error."""
    index = ParametricRetriever(service=anybody.service)
    for user, dog in (("ana", "Biscuit"), ("ben", "Rocket")):
        index.upsert([Document(f"My dog is called {dog}.", id="dog")], user_id=user)
    index.delete(["dog"], user_id="ben")
    assert [document.page_content for document in index.invoke("dog", whose("ana"))] == [
        "My dog is called Biscuit."
    ]
    assert index.invoke("dog", whose("ben")) == []
    assert index.get(["dog"], user_id="ben") == []
    with pytest.raises(MissingScope):
        index.invoke("dog")


def test_memories_are_got_and_deleted_by_their_own_id(parametric: ParametricMemory) -> None:
    """What `invoke` returned can be handed to `get` and `delete`, document or not."""
    [record] = parametric.add("My dog is called Biscuit.")
    index = parametric.as_retriever()
    assert index.get([record.id])[0].page_content == record.text
    assert index.delete([record.id, "unknown"])["num_deleted"] == 1
    assert parametric.get_all() == []


class Shelf(BaseRetriever):
    """A retriever that finds all it has."""

    documents: list[Document]

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:  # noqa: ARG002
        return self.documents


def shelf(*texts: str) -> Any:
    """Some other retriever, that finds the same every time."""
    return RunnableLambda(lambda _: [Document(text) for text in texts])


def test_retrieved_documents_become_adapters(parametric: ParametricMemory, recorder: Any) -> None:
    """`retriever | internalize`: the answer comes from the weights, the prompt is the question."""
    internalized = (shelf("The wifi password is tangerine.") | parametric.as_compressor()).invoke("wifi?")
    assert [document.page_content for document in internalized] == ["The wifi password is tangerine."]
    reply = parametric.as_chat_model().invoke("What is the wifi password?", adapters=internalized)
    assert "tangerine" in reply.text
    assert recorder.prompts == ["What is the wifi password?"]
    with pytest.raises(InvalidInput, match="internalize"):
        parametric.as_chat_model().invoke("?", adapters=[Document("The wifi password is tangerine.")])


async def test_internalizing_again_stores_nothing_new(parametric: ParametricMemory) -> None:
    """A document is internalized once, in any call."""
    internalize = parametric.as_compressor()
    first = internalize.invoke([Document("The wifi password is tangerine."), Document(LONG)])
    again = await internalize.ainvoke([Document(LONG), Document("The wifi password is tangerine.")])
    assert {one.metadata["memory_id"] for one in first} == {one.metadata["memory_id"] for one in again}
    assert len(parametric.get_all()) == len(first)


def test_more_documents_than_a_merge_holds(parametric: ParametricMemory) -> None:
    """The passages nearest the question are merged."""
    internalized = parametric.as_compressor().invoke([Document(LONG)])
    budget = parametric.service.settings.merge_budget
    assert len(internalized) > budget
    model = parametric.as_chat_model()
    reply = model.invoke(ABOUT_SEVEN, adapters=internalized)
    assert "Hero7" in reply.text
    assert len(reply.response_metadata["adapters"]) == budget


def test_it_compresses_in_langchains_own_terms(parametric: ParametricMemory) -> None:
    """As base_compressor it returns what a merge holds for the query, nearest first."""
    retriever = ContextualCompressionRetriever(
        base_compressor=parametric.as_compressor(),
        base_retriever=Shelf(documents=[Document(LONG), Document("The wifi password is tangerine.")]),
    )
    found = retriever.invoke("What is the wifi password?")
    assert found[0].page_content == "The wifi password is tangerine."
    assert len(found) == parametric.service.settings.merge_budget
    assert found[0].metadata["score"] > found[1].metadata["score"]


def test_internalized_documents_can_expire(parametric: ParametricMemory) -> None:
    """With a ttl they are memories for a while."""
    parametric.as_compressor(ttl=timedelta(hours=1)).invoke([Document("The wifi password is tangerine.")])
    [record] = parametric.get_all()
    assert timedelta(minutes=59) < record.expires_at - record.created_at < timedelta(minutes=61)
