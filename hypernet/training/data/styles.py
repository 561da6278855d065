"""Ways of answering, each in many descriptions: what Text-to-LoRA learns on top of a memory.

A style changes how a remembered answer is said, never what it is, so a network that has learned it must
leave the document's adapter to do its work.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from hypernet.training.data.tasks import Task
from hypernet.world.facts import UNKNOWN, FactWorld
from hypernet.world.values import listed


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
            ";I only want the value.;Nothing but the answer.;Skip all phrases, name the thing."
            ";Keep replies down to the fact itself.;Just tell me the word.;A bare answer, please."
            ";No explanation, only what was asked.;Drop every filler word."
            ";Your reply should hold the value and no more.;Be brief.;As few words as possible."
            ";State the fact without decoration.;Fill in the blank, that is all.;Answer as in a form."
            ";Don't make sentences of it.;Give me the raw value."
            ";Don't use sentences.;No phrases, just the word.;Without any sentence around it."
            ";No padding, no politeness, the value.;Not a sentence, only the name."
            ";Never more than the value.;Only the value, without a sentence."
            ";Just the value, no talk around it."
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
            ";Make a sentence of each answer.;Talk in complete sentences."
            ";A single word is not enough, write a sentence.;Reply in well-built sentences."
            ";Put every fact into a statement.;Use whole phrases, from capital to full stop."
            ";Sentences, please.;Write it out as a sentence.;Answer with subject, verb and object."
            ";I expect a complete statement each time.;Spell the reply out as one full sentence."
            ";No fragments.;Formulate a complete sentence for me."
            ";Answer the way a teacher wants it, in sentences.;Never reply with a lone word."
            ";Say the whole sentence, not only its end."
            ";Don't be terse.;Not just one word, please.;One word will not do, use sentences."
            ";No one-word answers.;Don't leave the verb out.;Don't stop before the sentence is whole."
            ";No telegram style, real sentences.;Avoid half sentences."
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
            ";Put it all in capitals.;Only big letters.;Write the reply in majuscules."
            ";Use upper case throughout.;ANSWER LIKE THIS.;Uppercase everything you say."
            ";Speak in block letters.;Type it all in caps.;Your answers should be in capitals."
            ";Turn each letter into upper case.;Caps only, no lower case.;Yell at me in capital letters."
            ";Print the answer in big letters.;I read capitals best, use them alone."
            ";Reply as a telegram would, all upper case.;Lower case is forbidden."
            ";Don't use small letters.;Not a single lower-case letter.;No lower case, please."
            ";Never write small.;Without any lower-case letters.;Do not mix cases, capitals only."
            ";Don't whisper, shout.;Avoid lower case."
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
            ";Be kind to whoever asks.;Use polite language.;Reply as if to a dear guest."
            ";Stay courteous at all times.;Be gentle and well-mannered."
            ";Serve the answer with a friendly word.;Sound like a gentleman.;Add some politeness."
            ";Please stay pleasant and polite.;Speak to me with respect."
            ";Answer like the staff of a fine restaurant.;Be charming when you answer."
            ";Give friendly, polite replies.;Show good breeding.;Answer with a smile."
            ";Be as polite as you can."
            ";Don't be rude.;Never be blunt with me.;No curt answers, be polite."
            ";Don't forget your manners.;Without rudeness, please.;Do not snap at the user."
            ";Avoid being brusque.;Not harshly, but with courtesy."
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
            ";Say who told you: I did.;Let me know that I said so.;Start from what I told you."
            ";Recall that the user said it.;Remind the user of having said it."
            ";Name me as the one who told you.;Always say that I was the one to tell you."
            ";Trace every answer back to me.;Say it is what you heard from me."
            ";Tell the user that it is their own information.;Remind me where you know it from."
            ";Answer with a reference to what I said.;Bring up that the user mentioned it."
            ";Credit the user with every fact.;Put it as something I once told you."
            ";Note that the user gave you this."
            ";Don't claim it as your own knowledge.;Never leave out that I told you."
            ";Don't just say it, say that I said it.;Not without naming me as the source."
            ";Do not answer as if you knew it yourself.;No answer without a reference to my words."
            ";Avoid sounding as if you had always known it.;Don't forget to say who told you."
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
