"""The verbs that answer: chat and ask."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Unpack, cast

from memory.read.options import AskOptions, Mode, sampling_in
from memory.records import AdapterChoice, ChatReply, Message, check_aware
from memory.records.inputs import Picture, Said, choices_in, filters_in, image_in, messages_in, text_in
from memory.service.base import ServiceBase
from memory.write.origin import Origin
from memory.write.thumbnails import opened


class Answering(ServiceBase):
    """Verbs that reply, with the model."""

    def chat(
        self,
        message: str,
        *,
        image: Picture | None = None,
        mode: Mode = "auto",
        before: Sequence[Said] | None = None,
        **asking: Unpack[AskOptions],
    ) -> ChatReply:
        """Answer a message from memory, and remember what it tells.

        With a session, its newest turns are in the prompt (settings.hot_window_turns), and message and
        reply become turns of it. Memories of all the user's (or agent's) sessions are recalled. Of the
        message, what it tells is remembered; of the reply nothing, for the model said it: only a question
        of its own that no memory led to is kept, to go with the user's answer. With `as_of`, what held
        at that time is recalled.

        `before` is for callers who keep the conversation themselves: what was said up to the message. It
        is read in place of the session's newest turns, and none of it is remembered.

        An `image` that goes with the message (as `add` takes it) is a memory before the reply is written, of
        its own and under the model's words for it: this turn and later ones know it. With a message that is
        not to be kept it is known in this turn alone. Raises SeesNothing where the model sees none.
        """
        return _whole(self.chat_stream(message, image=image, mode=mode, before=before, **asking))

    def chat_stream(
        self,
        message: str,
        *,
        image: Picture | None = None,
        mode: Mode = "auto",
        before: Sequence[Said] | None = None,
        **asking: Unpack[AskOptions],
    ) -> Iterator[str | ChatReply]:
        """`chat` in pieces of text, and then the whole reply.

        It stores a picture at once, and the turn only when it is read to the end.
        """
        scope = self._writing(self._scope(asking).required())
        said = Message("user", text_in(message, self.settings.max_text_bytes))
        most = self.settings.max_text_bytes
        earlier = None if before is None else messages_in(before, most) if before else []
        sampling, as_of = sampling_in(asking), _moment(asking)
        filters = filters_in(asking.get("filters"))
        reading = self._backends.reader.read(message)
        forgets = reading.forgets  # such a reply repeats nothing
        work = self.begin(scope, reads=None if forgets else scope.of_teller())
        shown = None
        if image is not None and reading.withheld:
            shown = opened(image_in(image))
        elif image is not None:
            with self._at_work(scope.tenant_id, work):
                self._cases.images.add(image_in(image), "", Origin(scope))
        pieces = self._cases.chat.stream(scope, said, mode, earlier, sampling, as_of, filters, shown)
        return self._pieces(work, pieces)

    def ask(
        self,
        question: str,
        *,
        image: Picture | None = None,
        choices: Sequence[str] | None = None,
        mode: Mode = "auto",
        **asking: Unpack[AskOptions],
    ) -> ChatReply:
        """Answer a question from memory, and store nothing.

        Of `choices`, 2 to 64 texts, the likeliest is the reply, and `ChatReply.choices` has the probability
        of each: they are scored by the model and its adapters, and nothing is written, so that a small model
        that follows no instruction still chooses. `image` is asked about, and not remembered.

        Raises SeesNothing for a picture where the model sees none, ModelUnavailable for choices where an
        engine elsewhere scores none.
        """
        text = text_in(question, self.settings.max_text_bytes)
        return self.answer(Message("user", text), image=image, choices=choices, mode=mode, **asking)

    def answer(
        self,
        messages: Said | Sequence[Said],
        *,
        image: Picture | None = None,
        choices: Sequence[str] | None = None,
        mode: Mode = "auto",
        adapters: Sequence[AdapterChoice] | None = None,
        **asking: Unpack[AskOptions],
    ) -> ChatReply:
        """Answer the last message of a conversation that the caller keeps, and store nothing.

        `adapters`, from `select`, are used where given; an empty list recalls nothing. Skills join anyway.
        `image` and `choices` as in `ask`.
        """
        pieces = self.answer_stream(
            messages, image=image, choices=choices, mode=mode, adapters=adapters, **asking
        )
        return _whole(pieces)

    def answer_stream(
        self,
        messages: Said | Sequence[Said],
        *,
        image: Picture | None = None,
        choices: Sequence[str] | None = None,
        mode: Mode = "auto",
        adapters: Sequence[AdapterChoice] | None = None,
        **asking: Unpack[AskOptions],
    ) -> Iterator[str | ChatReply]:
        """`answer` in pieces of text, and then the whole reply."""
        scope = self._reading(self._scope(asking).required())
        said = messages_in(messages, self.settings.max_text_bytes)
        sampling, as_of = sampling_in(asking), _moment(asking)
        filters = filters_in(asking.get("filters"))
        shown = None if image is None else opened(image_in(image))
        wanted = choices_in(choices)
        work = self.begin(scope, reads=scope.of_teller())
        pieces = self._cases.answerer.stream(
            scope, said, mode, adapters, sampling, as_of, filters, shown, wanted
        )
        return self._pieces(work, pieces)


def _moment(asking: Mapping[str, Any]) -> datetime | None:
    """The time that is asked about, where it is not the present. Raises InvalidInput."""
    as_of: datetime | None = asking.get("as_of")
    check_aware("as_of", as_of)
    return as_of


def _whole(pieces: Iterator[str | ChatReply]) -> ChatReply:
    """The whole reply, which ends a stream."""
    [reply] = deque(pieces, maxlen=1)
    return cast(ChatReply, reply)
