"""One bot, many users: one model and one batch, each row answered from its own user's memory."""

from __future__ import annotations

from integrations.langchain import ParametricChatModel, ParametricMemory

TOLD = {
    "ana": "My dog is called Biscuit.",
    "ben": "My dog is called Rocket.",
    "cleo": "My dog is called Pepper.",
}


def main() -> None:
    memory = ParametricMemory()
    for user, fact in TOLD.items():
        memory.add(fact, user_id=user)
    model = ParametricChatModel(service=memory.service)
    configs = [{"configurable": {"user_id": user}} for user in TOLD]
    replies = model.batch(["What is my dog called?"] * len(TOLD), configs)
    for user, reply in zip(TOLD, replies, strict=True):
        print(f"{user}: {reply.text}")
    memory.forget(user_id="ana")
    print(f"ana, forgotten: {model.invoke('What is my dog called?', configs[0]).text}")


if __name__ == "__main__":
    main()
