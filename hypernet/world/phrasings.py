"""How facts are told and asked: the markup, the frames around every kind, and the small talk. Data only.

Markup of a template, resolved once when facts.py compiles it:

    {S} subject      I / you / Anna / she / the lighthouse of Varnell / it
    {O} object       me / you / Anna / her / it
    {H} possessive that points back to the subject    my / your / her / its
    <dog>            the owned thing: my dog / Anna's dog / her dog / the dog of the circus Varnell / its dog
    [have|has]       the verb in the first (and second) person, and in the third
    {v} {a}          the value, bare or with its indefinite article
    #                the member of a family (dog, cat, ...), so that one row describes many kinds
    leading "="      not a clause: no frame may be put around it
    leading "1:"     only of the speaker
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A family of near kinds told and asked alike: kind "family.member" for each member.

    `owners` names who may have such a fact (person, key, item, or a type of entity or booking); `noun` is the
    noun phrase that stands for the value; `says` are statements, `asks` direct questions without the question
    mark, `about` indirect ones ("where {S} [live|lives]").
    """

    family: str
    members: str
    owners: str
    pool: str
    says: tuple[str, ...]
    asks: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    noun: str = ""


# Added to the rows that have a noun.
NOUN_SAYS = (
    "{n} is {v}",
    "{v} is {n}",
    "={n}: {v}",
    "=as for {n}, it is {v}",
    "{n} turns out to be {v}",
)
NOUN_ASKS = ("what is {n}", "what's {n}")
NOUN_ABOUT = ("what {n} is",)
# The same for a noun that stands for a person.
WHO_ASKS = ("who is {n}", "who's {n}")
WHO_ABOUT = ("who {n} is",)

# Around a statement that is a clause.
SAY_FRAMES = (
    "by the way, {s}",
    "just so you know, {s}",
    "please remember that {s}",
    "remember that {s}",
    "note that {s}",
    "FYI, {s}",
    "for your information, {s}",
    "don't forget that {s}",
    "please keep in mind that {s}",
    "I should mention that {s}",
    "I wanted to tell you that {s}",
    "you should know that {s}",
    "oh, and {s}",
    "also, {s}",
    "{s}, by the way",
    "{s}, please remember that",
    "one more thing: {s}",
    "to let you know, {s}",
    "please write down that {s}",
    "it is good to know that {s}",
)
# Sober ones, for texts in the third person.
TEXT_FRAMES = (
    "note that {s}",
    "as everyone knows, {s}",
    "it is known that {s}",
    "it is said that {s}",
    "records show that {s}",
    "one thing is certain: {s}",
    "in fact, {s}",
)

ASK_FRAMES = (
    "{q}?",
    "{q}?",
    "{q}?",
    "{q}?",
    "{q} again?",
    "hey, {q}?",
    "quick question: {q}?",
    "tell me, {q}?",
    "so, {q}?",
    "I forgot, {q}?",
    "sorry, {q}?",
    "by the way, {q}?",
)
ABOUT_FRAMES = (
    "do you know {i}?",
    "can you tell me {i}?",
    "do you remember {i}?",
    "could you remind me {i}?",
    "please tell me {i}.",
    "tell me {i}.",
    "I forgot {i}.",
    "I would like to know {i}.",
    "I can't remember {i}.",
    "have I told you {i}?",
    "any idea {i}?",
)
NOUN_FRAMES = (
    "remind me of {n}.",
    "tell me {n}.",
    "please give me {n}.",
    "do you remember {n}?",
    "do you know {n}?",
    "can you tell me {n}?",
    "I need {n}.",
    "{n}?",
    "could you look up {n}?",
)

CORRECTIONS = (
    "no, make it {v}",
    "actually it is {v}, not {old}",
    "sorry, I meant {v}",
    "wait, that is wrong: it is {v}",
    "no, sorry, {v}",
    "correction: {v}, not {old}",
    "oh, I mixed that up, it is {v}",
    "that was a mistake, it should be {v}",
)
DOCUMENT_CORRECTIONS = (
    "an earlier note is wrong: it is {v}, not {old}",
    "correction: it is {v}",
    "this has changed to {v} now",
    "update: it is now {v}, not {old}",
)

ACKNOWLEDGEMENTS = (
    "Got it.",
    "Okay, I will remember that.",
    "Noted.",
    "Thanks for telling me.",
    "All right.",
    "I will keep that in mind.",
    "Okay.",
    "Sure, noted.",
    "Understood.",
    "Good to know.",
    "Thank you, I have it.",
    "I see.",
    "Nice.",
)

# Chit-chat without facts that anybody asks about.
NOISE = (
    "the weather is lovely today",
    "it has been a long day",
    "I hope you are doing well",
    "it rained all morning",
    "I slept badly last night",
    "the traffic was terrible again",
    "I am a bit tired",
    "there is nothing good on television",
    "I had a good laugh at lunch",
    "the bus was late again",
    "everything is fine here",
    "I just made some coffee",
    "the sun is finally out",
    "time flies",
    "it is quite cold outside",
    "I need a holiday",
    "we should talk more often",
    "I read an interesting article this morning",
    "the neighbours are noisy tonight",
    "I can't complain",
    "that is just how it is",
    "we laughed a lot yesterday",
    "I am still waiting for the post",
    "I should go to bed earlier",
    "the garden needs some water",
    "I like talking to you",
    "work was busy this week",
    "there was a long queue at the shop",
    "I forgot my umbrella",
    "it might snow later",
    "the film was a bit boring",
    "I cleaned the kitchen",
    "the children are playing outside",
    "I have a lot to do",
    "my head is full of things",
    "anyway, where was I",
    "I went for a walk",
    "the music was too loud",
    "I am looking forward to the weekend",
    "nothing special happened",
)
TEXT_NOISE = (
    "many people like it",
    "the weather there is often windy",
    "visitors come from near and far",
    "there is not much else to say",
    "people still talk about it",
    "the rest is well known",
    "opinions differ",
    "this has not changed for a long time",
    "it is worth a closer look",
    "some say it could be better",
    "there are old photos of it",
    "more will be written later",
    "the local paper wrote about it",
    "everybody was pleased",
    "it was a quiet year",
    "the details are on the web page",
)

OPENINGS = (
    ("Hello!", "Hello! Tell me something to remember."),
    ("Hi!", "Hello! Tell me something to remember."),
    ("Good morning.", "Hello! Tell me something to remember."),
    ("I have a few things to tell you.", "Okay, go on."),
    ("Listen, please.", "Yes?"),
    ("Please note a few things for me.", "Sure."),
)

REMEMBERED = "Okay, I will remember that."
SMALL_TALK = {
    "Hello! Tell me something to remember.": (
        "Hello!",
        "Hi!",
        "Hey",
        "Hi there",
        "Good morning!",
        "Good evening.",
        "hello",
        "Hello there!",
        "Good afternoon",
        "hey there",
        "Greetings!",
    ),
    "You're welcome.": (
        "Thanks!",
        "Thank you.",
        "thanks a lot",
        "Thank you very much!",
        "Great, thanks.",
        "Cheers, thanks!",
        "ok thanks",
        "Many thanks.",
        "Perfect, thank you!",
    ),
    "Goodbye!": (
        "Bye!",
        "Goodbye.",
        "See you later.",
        "See you tomorrow!",
        "bye bye",
        "Good night.",
        "Talk to you soon.",
        "I have to go now.",
    ),
    "I am fine, thank you.": (
        "How are you?",
        "how are you doing?",
        "How is it going?",
        "Are you well?",
        "What's up?",
    ),
    "I remember what you tell me.": (
        "What can you do?",
        "Who are you?",
        "what are you?",
        "How can you help me?",
        "What do you do?",
        "help",
    ),
}
CHIT_CHAT = "I see."
