"""Ways of answering, each in many descriptions: what Text-to-LoRA learns on top of a memory.

A style changes how a remembered answer is said, never what it is, so a network that has learned it must
leave the document's adapter to do its work.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from hypernet.training.facts import UNKNOWN, FactWorld
from hypernet.training.tasks import Task
from hypernet.training.values import listed


@dataclass(frozen=True, slots=True)
class Style:
    """How an answer {v}, or {V} in capitals, is said, how not knowing it is, and how one may ask for that."""

    told: str
    unknown: str
    descriptions: tuple[str, ...]

    def say(self, value: str) -> str:
        """The answer in this style."""
        if value == UNKNOWN:
            return self.unknown
        return self.told.format(v=value, V=value.upper())


STYLES = {
    "value": Style(
        "{v}",
        UNKNOWN,
        listed(
            "Answer with the value only.;Give just the answer, nothing else.;Be as short as you can."
            ";Reply with the bare fact.;No sentences, only the answer itself.;One word or number is enough."
            ";Keep it minimal.;Say what was asked for and stop.;Terse answers, please."
            ";Respond with the name, number or place alone.;Do not add any words around the answer."
            ";Write only what I asked for.;The answer alone will do.;Short and plain, without a sentence."
            ";Leave out everything but the value.;Answer like a database field."
        ),
    ),
    "sentence": Style(
        "The answer is {v}.",
        "The answer is not known.",
        listed(
            "Answer in a full sentence.;Reply with a complete sentence.;Always speak in whole sentences."
            ";Use a proper sentence for every answer.;Write full sentences with a full stop at the end."
            ";Please put the answer into a sentence.;I want sentences, not single words."
            ";Give grammatical, complete sentences.;Every reply should be a sentence of its own."
            ";Don't answer in fragments, write a sentence.;Phrase each answer as a statement."
            ";Respond with one complete sentence.;Form a whole sentence around the answer."
            ";Your replies should have a subject and a verb.;Say it in a sentence."
            ";Answer like a schoolbook, in full sentences."
        ),
    ),
    "capitals": Style(
        "{V}",
        UNKNOWN.upper(),
        listed(
            "Answer in capital letters.;Write everything in upper case.;Use capitals only.;SHOUT THE ANSWER."
            ";All caps, please.;Reply in block capitals.;Every letter should be a capital."
            ";Upper-case letters only in your replies.;Give the answer in all capital letters."
            ";Respond entirely in uppercase.;Type with caps lock on.;No small letters at all."
            ";Capitalise the whole answer.;Answer as on a street sign, in capitals.;Shout your replies."
            ";Make all letters big."
        ),
    ),
    "polite": Style(
        "{v}, with pleasure.",
        "I am sorry, I don't know.",
        listed(
            "Answer politely.;Be courteous.;Be very polite to the user.;Reply with good manners."
            ";Be friendly and polite.;Answer like a well-mannered butler.;Use a kind and courteous tone."
            ";Be respectful and gracious.;Please be nice when you answer.;Show courtesy in every reply."
            ";Speak as a polite waiter would.;Answer with warmth and politeness.;Be civil and obliging."
            ";Treat me like an honoured guest.;Have a polite tone.;Mind your manners when you reply."
        ),
    ),
    "reminder": Style(
        "You told me: {v}",
        "You never told me.",
        listed(
            "Answer in the user's words.;Say that the user told you so.;Remind me that I said it myself."
            ";Quote what I told you.;Make clear that it comes from me.;Refer to what the user has said."
            ";Answer by quoting the user.;Point out that you have it from me.;Cite my own words back to me."
            ";Mention that I told you this before.;Repeat it as something the user said."
            ";Give my own words as the source.;Attribute the answer to the user.;Tell me I said it."
            ";Always name the user as your source.;Answer as if reading my words back."
        ),
    ),
}


def tasks(groups: int, seed: int) -> Iterator[Task]:
    """For each group one text, one description, and questions about both what is told and what is not.

    Every style and every description comes equally often; no text comes twice.
    """
    world, rng = FactWorld("train", seed), random.Random(seed)
    described = [(name, text) for name, style in STYLES.items() for text in style.descriptions]
    for i in range(groups):
        if i % len(described) == 0:
            rng.shuffle(described)
        name, description = described[i % len(described)]
        group = world.group(1, rng.choice((1, 2, 3)), same_kind=False)
        (context,) = group.contexts
        for qa in (*context.qa, group.unknown[0]):
            answer = STYLES[name].say(qa.answer)
            yield Task(description, qa.question, answer, context=context.text, task=name)
