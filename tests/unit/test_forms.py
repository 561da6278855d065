"""Texts in a form become statements; prose stays."""

from __future__ import annotations

import time

import pytest

from memory.text.forms import statements


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,city,phone\nBen,Oslo,555-2000", "Ben's city is Oslo. Ben's phone is 555-2000."),
        (
            'item,price,qty\n"Nuts, mixed",4.50,2',
            "The price of Nuts, mixed is 4.50. The qty of Nuts, mixed is 2.",
        ),
        (
            "name, city, age\nBen, Oslo, 41\nIda, Rome, 5",
            "Ben's city is Oslo. Ben's age is 41.\nIda's city is Rome. Ida's age is 5.",
        ),
        (
            "users:\n  - name: Lena\n    role: admin\n  - name: Tom\n    role: guest",
            "Lena's role is admin.\nTom's role is guest.",
        ),
        (
            '{"rooms": [{"id": "A1", "seats": 4}, {"id": "B2", "seats": 9}]}',
            "The seats of A1 is 4.\nThe seats of B2 is 9.",
        ),
        ("<p>My parrot is called <b>Rio</b> &amp; sings.</p>", "My parrot is called Rio & sings."),
        ("colour: green;size: M;price: 20", "The colour is green.\nThe size is M.\nThe price is 20."),
        ("My todo: call Bob, buy glue", "My todo is call Bob, buy glue."),
        ("My boat is called *Nixe*.", "My boat is called Nixe."),
        ("product\tprice\tstock\nlamp\t19.90\t14", "The price of lamp is 19.90. The stock of lamp is 14."),
        (
            "date;room;speaker\n2 May;Aula;Dr Kim",
            "The room of 2 May is Aula. The speaker of 2 May is Dr Kim.",
        ),
        ("| Person | Desk |\n|---|---|\n| Ida | 4B |", "Ida's desk is 4B."),
        (
            "| day | who | time |\n|---|---|---|\n| Thurs | Mark | 12:15 |",
            "On Thursday it is Mark. On Thursday the time is 12:15.",
        ),
        (
            "DB_HOST=db.example\nDB_PORT=5432",
            "The db host is db.example.\nThe db port is 5432.",
        ),
        ('export API_REGION="eu-west-3"', "The api region is eu-west-3."),
        (
            "server:\n  port: 8443\nlogging:\n  level: debug",
            "The server port is 8443.\nThe logging level is debug.",
        ),
        ('{"user": {"plan": "gold"}, "seats": 12}', "The user plan is gold.\nThe seats is 12."),
        ("**Door code:** 8812", "The door code is 8812."),
        ("My dog is called **Biscuit**.", "My dog is called Biscuit."),
        ("# Team\n\nLead: Priya\nDesigner: Marek", "The team lead is Priya.\nThe team designer is Marek."),
        ("## Alarm\n\ncode: 5512", "The alarm code is 5512."),
        ("Name: Priya\nJob: architect", "The name is Priya.\nThe job is architect."),
        ("See [our handbook](https://h.example).", "See our handbook (https://h.example)."),
        ("> My flight is BA283.", "My flight is BA283."),
        ("<b>My locker</b> is <i>61</i>.", "My locker is 61."),
        ("[mysql]\nuser = shop\nport = 3307  # ours", "The mysql user is shop.\nThe mysql port is 3307."),
        ("Shopping list:\n- tofu\n- tea", "The shopping list is tofu and tea."),
        ("# Groceries\n\n- eggs\n- flour", "The groceries are eggs and flour."),
        ("To do:\n1. call mum\n2. pay rent", "To do: call mum and pay rent."),
        ("- [x] Call the bank\n- [ ] Renew it", "Done task: Call the bank.\nOpen task: Renew it."),
        (
            "Sync (weekly)\nWhen: Tuesdays 14:00\nWhere: Fjord",
            "Sync (weekly)\nSync is on Tuesdays 14:00.\nSync is in Fjord.",
        ),
    ],
)
def test_a_row_means_its_header_and_a_value_its_key(text: str, said: str) -> None:
    """And nothing keeps its marks."""
    assert statements(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "My dog is called Biscuit.",
        "Hi, I am Ana.\nYes, I live here.",
        "Anna: I'll bring the wine.\nBen: you are great!",
        "The ratio is 3:2, and a = b.",
        "I said: yes; he said: no",
        "if a < b and c > d: stop",
        "We ate, drank, slept\nand sang, danced, left\nor not, at, all",
        "Dial *100# or #4471*, and 3 * r * 2.",
        "I got a new number: 555-8090.",
        "Notes:\n- milk\n- bread",
        "User: My PIN is 3.\nAssistant: Noted.",
        "https://example.org",
        "{not json",
        "The file is __init__.py, in /usr/lib_a.",
        "a, b, c\nd, e, f",
    ],
)
def test_prose_stays_as_it_is(text: str) -> None:
    """Also where it has commas, colons or line breaks."""
    assert statements(text) == text


def test_every_text_takes_linear_time() -> None:
    """Of whatever it is made; no alias of YAML is followed."""
    for piece in ("[a](b) ", "**", "> ", "a: b\n", "a,b\n", "{", "- ", "| a ", "a:\n b: c\n"):
        began = time.perf_counter()
        statements(piece * 3_000)
        assert time.perf_counter() - began < 5
    bomb = "a: &a\n  b: c\nd:\n  e: [*a, *a]\n"
    assert "*a" in statements(bomb)
