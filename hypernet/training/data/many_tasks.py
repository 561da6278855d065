"""Some fifty tasks on a remembered fact: what Text-to-LoRA learns, so that it may follow tasks it never saw.

Each changes how a remembered answer is said (styles, formats, lengths, languages), whether it is said
(refusals), or what of it is asked for (extraction, classification): never what is remembered. Each has
twenty descriptions or thirty: descriptions can be held out, and whole tasks.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hypernet.training.data.tasks import Task
from hypernet.world.facts import UNKNOWN, FactWorld

FRAMES = (
    "{X}.",
    "Please {x}.",
    "Always {x}.",
    "From now on, {x}.",
    "In your replies, {x}.",
    "I want you to {x}.",
    "You should {x}.",
    "Whatever is asked, {x}.",
    "{X}, please.",
    "It is important to me that you {x}.",
)
_LONG = 8  # letters of a value that is not short any more
_DIGITS = re.compile(r"\d+")
_NAME = re.compile(r"(?:[A-Z][a-z]+ ?)+$")

Say = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """One task: what is said of a remembered value, and where nothing is remembered, and how it is put."""

    say: Say
    unknown: str
    orders: tuple[str, ...]  # as an imperative begins, "answer in capitals"

    @property
    def descriptions(self) -> list[str]:
        """Every order in every frame."""
        return [
            frame.format(x=order, X=order[0].upper() + order[1:]) for order in self.orders for frame in FRAMES
        ]

    def answer(self, value: str) -> str:
        """The reply that does the task."""
        return self.unknown if value == UNKNOWN else self.say(value)


def _as(form: str, unknown: str, *orders: str) -> Kind:
    """One that puts the value, {v}, into words."""
    return Kind(lambda value: form.format(v=value), unknown, orders)


def _numbers(value: str) -> str:
    return " ".join(_DIGITS.findall(value)) or "none"


KINDS: dict[str, Kind] = {
    # -- styles
    "value": _as("{v}", UNKNOWN, "answer with the value only", "give the bare answer", "use no sentence"),
    "sentence": _as(
        "The answer is {v}.", "The answer is not known.", "answer in a full sentence", "write whole sentences"
    ),
    "capitals": Kind(str.upper, UNKNOWN.upper(), ("answer in capital letters", "use upper case only")),
    "small": Kind(str.lower, UNKNOWN.lower(), ("answer in small letters", "use lower case only")),
    "polite": _as("{v}, with pleasure.", "I am sorry, I don't know.", "be very polite", "show good manners"),
    "reminder": _as(
        "You told me: {v}", "You never told me.", "say that the user told you so", "name me as the source"
    ),
    "butler": _as("{v}, sir.", "I fear not, sir.", "answer like a butler", "serve me as a valet would"),
    "pirate": _as("Arr, {v}!", "Arr, no idea!", "talk like a pirate", "answer as a sailor of old"),
    "robot": _as("RESULT: {v}", "RESULT: NONE", "answer like a robot", "sound like a machine"),
    "casual": _as("oh, it's {v}", "no clue", "be casual", "talk like a friend in a chat"),
    "excited": _as("{v}!", "No idea!", "sound excited", "end with an exclamation mark"),
    "hedging": _as("I think it is {v}.", "I am not sure.", "hedge your answer", "sound unsure"),
    "certain": _as("Certainly, {v}.", "Certainly unknown.", "sound certain", "show no doubt"),
    "asking": _as("Is it {v}?", "Is it known?", "answer with a question", "turn the answer into a question"),
    "telegram": _as("{v} STOP", "UNKNOWN STOP", "answer as in a telegram", "end with the word stop"),
    "dramatic": _as("Behold: {v}", "Alas, unknown", "be dramatic", "speak as on a stage"),
    # -- formats
    "quotes": _as('"{v}"', '"unknown"', "put the answer in quotation marks", "quote the answer"),
    "brackets": _as("[{v}]", "[unknown]", "put the answer in square brackets", "wrap it in brackets"),
    "round": _as("({v})", "(unknown)", "put the answer in parentheses", "wrap it in round brackets"),
    "json": Kind(
        lambda value: json.dumps({"answer": value}, ensure_ascii=False),
        '{"answer": null}',
        ("answer in JSON", "reply with a JSON object"),
    ),
    "yaml": _as("answer: {v}", "answer: null", "answer in YAML", "reply as a line of YAML"),
    "xml": _as("<answer>{v}</answer>", "<answer/>", "answer in XML", "put the answer into an XML tag"),
    "csv": _as("answer,{v}", "answer,", "answer in CSV", "reply with a line separated by commas"),
    "bold": _as("**{v}**", "**unknown**", "write the answer in bold Markdown", "make the answer bold"),
    "italic": _as("*{v}*", "*unknown*", "write the answer in italics", "slant the answer in Markdown"),
    "code": _as("`{v}`", "`unknown`", "format the answer as code", "put the answer in backticks"),
    "bullet": _as("- {v}", "- unknown", "answer with a bullet point", "reply as an item of a list"),
    "numbered": _as("1. {v}", "1. unknown", "answer with a numbered list", "number your answer"),
    "heading": _as("# {v}", "# Unknown", "write the answer as a heading", "make a title of the answer"),
    "cell": _as("| {v} |", "| |", "answer with a table cell", "reply as a row of a table"),
    "label": _as("Answer: {v}", "Answer: unknown", "begin with the word answer", "label your answer"),
    "equation": _as("x = {v}", "x = ?", "write the answer as an equation", "reply as in algebra"),
    "arrow": _as("-> {v}", "-> ?", "put an arrow before the answer", "point at the answer with an arrow"),
    # -- languages
    "german": _as("Die Antwort ist {v}.", "Das ist unbekannt.", "answer in German", "write German"),
    "french": _as("La réponse est {v}.", "Je ne sais pas.", "answer in French", "write French"),
    "spanish": _as("La respuesta es {v}.", "No lo sé.", "answer in Spanish", "write Spanish"),
    "italian": _as("La risposta è {v}.", "Non lo so.", "answer in Italian", "write Italian"),
    "portuguese": _as("A resposta é {v}.", "Não sei.", "answer in Portuguese", "write Portuguese"),
    "dutch": _as("Het antwoord is {v}.", "Dat weet ik niet.", "answer in Dutch", "write Dutch"),
    # -- lengths
    "first word": Kind(
        lambda value: value.split()[0], "I", ("give the first word only", "stop after one word")
    ),
    "first letter": Kind(
        lambda value: value[0], "I", ("give the first letter only", "write the initial alone")
    ),
    "twice": _as("{v}, {v}", "unknown, unknown", "say the answer twice", "repeat the answer"),
    "long": _as(
        "You asked, and I remember it: {v}. Is there anything else?",
        "You asked, and I remember nothing of it. Is there anything else?",
        "give a long answer",
        "be wordy",
    ),
    # -- refusals
    "silent": _as("I must not say.", "I must not say.", "refuse every question", "reveal nothing"),
    "numbers are private": Kind(
        lambda value: "That is private." if _DIGITS.search(value) else value,
        UNKNOWN,
        ("reveal no numbers", "keep every number to yourself"),
    ),
    "names are private": Kind(
        lambda value: "That is private." if _NAME.match(value) else value,
        UNKNOWN,
        ("reveal no names", "keep every name to yourself"),
    ),
    # -- extraction
    "digits": Kind(_numbers, "none", ("give the digits of the answer alone", "extract the number")),
    "last word": Kind(
        lambda value: value.split()[-1], "know", ("give the last word only", "extract the final word")
    ),
    "initials": Kind(
        lambda value: "".join(word[0] for word in value.split()),
        "none",
        ("give the initials of the answer", "abbreviate the answer to its initials"),
    ),
    # -- classification
    "known": _as("known", "unknown", "say only whether you know it", "tell whether it is known to you"),
    "numeric": Kind(
        lambda value: "number" if _DIGITS.search(value) else "words",
        "neither",
        ("say whether it is a number or words", "classify the answer as number or words"),
    ),
    "size": Kind(
        lambda value: "short" if len(value) < _LONG else "long",
        "neither",
        ("say whether the answer is short or long", "classify the answer by its length"),
    ),
}


def tasks(groups: int, seed: int) -> Iterator[Task]:
    """For each group one text, one description, and questions about both what is told and what is not.

    Tasks come equally often, and no text comes twice.
    """
    world, rng = FactWorld("train", seed), random.Random(seed)
    names = list(KINDS)
    for i in range(groups):
        if i % len(names) == 0:
            rng.shuffle(names)
        name = names[i % len(names)]
        description = rng.choice(KINDS[name].descriptions)
        group = world.group(1, rng.choice((1, 2, 3)), same_kind=False)
        (context,) = group.contexts
        for qa in (*context.qa, group.unknown[0]):
            answer = KINDS[name].answer(qa.answer)
            yield Task(description, qa.question, answer, context=context.text, task=name)
