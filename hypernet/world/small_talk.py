"""Requests that no memory concerns: greetings, arithmetic, what everybody knows, small tasks.

A memory must leave the base's replies to them alone. The base itself says what the right reply is.
"""

from __future__ import annotations

import random

from hypernet.world import pools
from hypernet.world.values import listed

_GREETINGS = """Hello!; Hi there.; Hey, how are you?; Good morning!; Good evening; How are you today?; Thanks
a lot!; Thank you, that helps.; Goodbye!; See you tomorrow.; What can you do?; Who are you?; Can you
help me?; I'm bored.; Tell me a joke.; Tell me something interesting.; You are great.; Nice to meet
you.; What's up?; Are you a robot?; How does this work?; I feel tired today.; Good night.; Okay.;
Sure, go on.; Please continue.; Why?; I don't get it."""
_KNOWN = """What is the capital of {country}?; Where is {country}?; Name a city in {country}.; Which language
is spoken in {country}?; Translate "{word}" into French.; Translate "{word}" into Spanish.; How do you
say "{word}" in German?; What is a {word}?; Write a sentence about a {word}.; Spell the word
{word}.; Write a short poem about a {word}.; What colour is a {word}?; Give me three facts about
{country}.; Is a {word} an animal?; What rhymes with {word}?; Name three kinds of {word}.; Write a
title for a story about {country}.; What does the word {word} mean?; Describe a {word} in one
sentence."""
_TASKS = """What is {a} plus {b}?; What is {a} minus {b}?; What is {a} times {b}?; Is {a} larger than {b}?;
Count from {a} to {c}.; Is {a} an even number?; How many minutes are {a} hours?; How many days has a
week?; How many legs does a spider have?; What comes after Monday?; Name the planets.; What is the
boiling point of water?; Who wrote Hamlet?; What is photosynthesis?; Explain gravity to a child.;
How do I boil an egg?; What is the largest ocean?; Give me a recipe for pancakes.; How do plants
grow?; What is the opposite of hot?; Name three colours.; Write a haiku about rain.; Write a Python
function that adds two numbers.; What is an atom?; How do I sleep better?; Suggest a name for a
cat.; What year came after {y}?; Name a primary colour.; What is the square of {a}?"""


def _requests(table: str) -> tuple[str, ...]:
    return listed(" ".join(table.split()))


class SmallTalk:
    """Draws requests; one seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"small talk:{seed}")
        self._countries = listed(pools.COUNTRIES)
        self._words = (*listed(pools.ANIMALS), *listed(pools.FOODS), *listed(pools.INSTRUMENTS))

    def request(self) -> str:
        """One request, with its blanks filled."""
        rng = self._rng
        a, b = rng.randrange(2, 60), rng.randrange(2, 60)
        form = rng.choice(_requests(rng.choice((_GREETINGS, _KNOWN, _KNOWN, _TASKS, _TASKS))))
        return form.format(
            country=rng.choice(self._countries), word=rng.choice(self._words),
            a=a, b=b, c=a + 5, y=rng.randrange(1900, 2020),
        )  # fmt: skip

    def requests(self, count: int) -> list[str]:
        """So many requests, no two alike."""
        found: dict[str, None] = {}
        while len(found) < count:
            found[self.request()] = None
        return list(found)
