"""RAG where the retrieved documents become adapters: the model reads the question alone."""

from __future__ import annotations

from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from integrations.langchain import ParametricMemory

DOCUMENTS = [
    Document("The capital of Zubrowka is Lutz.", metadata={"source": "atlas"}),
    Document("The wifi password is tangerine.", metadata={"source": "handbook"}),
]


def search(question: str) -> list[Document]:
    """Stands for any retriever of yours: a document matches by its long words."""
    words = {word for word in question.lower().strip("?").split() if len(word) > 3}
    return [document for document in DOCUMENTS if words & set(document.page_content.lower().split())]


def main() -> None:
    memory = ParametricMemory(user_id="library")
    model = memory.as_chat_model()
    adapters = RunnableLambda(search) | memory.as_compressor()
    chain = {"question": RunnablePassthrough(), "adapters": adapters} | RunnableLambda(
        lambda found: model.invoke(found["question"], adapters=found["adapters"])
    )
    for question in ("What is the wifi password?", "What is the capital of Zubrowka?"):
        reply = chain.invoke(question)
        print(f"{question}\n  -> {reply.text} ({reply.usage_metadata['input_tokens']} tokens read)")


if __name__ == "__main__":
    main()
