"""The benchmarks that the field knows read their corpora, score as they do, and run by one harness."""

from __future__ import annotations

import gzip
import json
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks import locomo, needles, sgd
from benchmarks.bench import UnusableInput
from benchmarks.field import answering, command
from benchmarks.field.answering import Reply
from benchmarks.field.corpus import Question, Story, limited
from benchmarks.field.scoring import found, listed_f1, refuses, token_f1
from memory.read.recalled import Recall

Asked = list[Mapping[str, Any]]


def locomo_file(folder: Path) -> Path:
    """A conversation of two sessions with a question of each category, in LoCoMo's form."""
    conversation = {
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ada", "dia_id": "D1:1", "text": "I bought a kayak.", "blip_caption": "a red boat"},
            {"speaker": "Bo", "dia_id": "D1:2", "text": "Nice, I play the flute."},
        ],
        "session_2_date_time": "9:00 am on 1 June, 2023",
        "session_2": [{"speaker": "Bo", "dia_id": "D2:1", "text": "I sold my bike and my car."}],
    }
    asked = [
        {"question": "What did Bo sell?", "answer": "bike, car", "evidence": ["D2:1; D9:9"], "category": 1},
        {"question": "When did Ada buy it?", "answer": 2023, "evidence": ["D1:1"], "category": 2},
        {"question": "Is Bo musical?", "answer": "Yes; a flute", "evidence": ["D1:2"], "category": 3},
        {"question": "What did Ada buy?", "answer": "a kayak", "evidence": ["D1:1"], "category": 4},
        {
            "question": "What did Bo buy?",
            "adversarial_answer": "a kayak",
            "evidence": ["D1:1"],
            "category": 5,
        },
    ]
    file = folder / "locomo.json.gz"
    file.write_bytes(gzip.compress(json.dumps([{"conversation": conversation, "qa": asked}]).encode()))
    return file


def sgd_file(folder: Path, dialogues: int = 40) -> Path:
    """Dialogues that each speak of a service of their own, in the form of Schema-Guided Dialogue."""
    lines: list[dict[str, Any]] = [
        {
            "id": f"d{n}",
            "services": [f"Service{n}_1"],
            "turns": [
                ["user", f"Find town{n}, please, my code is same."],
                ["assistant", f"Town{n} it is. Call 555-{n}."],
            ],
            "facts": [
                {"slot": "t", "about": f"Town {n}.", "value": f"town{n}", "turns": [0, 1]},
                {"slot": "p", "about": f"Phone {n}", "value": f"555-{n}", "turns": [1]},
                {"slot": "c", "about": "Code", "value": "same", "turns": [0]},
            ],
        }
        for n in range(dialogues)
    ]
    for line in lines:
        line["facts"] = [{**fact, "service": line["services"][0]} for fact in line["facts"]]
    file = folder / "dev.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return file


def prose_file(folder: Path) -> Path:
    """Prose in WikiText's form."""
    words = ("river", "stone", "cloud", "apple", "house", "train", "grass", "light", "music", "paper")
    rng = random.Random(0)
    lines = [" ".join(rng.choices(words, k=8)).capitalize() + " ." for _ in range(200)]
    file = folder / "prose.txt"
    file.write_text(" = Heading = \n \n" + " ".join(lines) + "\n", encoding="utf-8")
    return file


def test_all_conversations_are_told_to_one_user_again_and_again(tmp_path: Path) -> None:
    """As of earlier years, until there are enough; questions and their evidence stay the first."""
    found = locomo.corpus(locomo_file(tmp_path), [0])
    [alone] = found.stories
    [story] = locomo.of_one_user(found, 2 * len(alone.told) + 1).stories
    assert len(story.told) == len({one.id for one in story.told}) == 2 * len(alone.told) + 1
    assert [one.said for one in story.told[: len(alone.told)]] == [one.said for one in alone.told]
    assert story.told[len(alone.told)].at == alone.told[0].at - timedelta(365)
    assert story.told[-1].at == alone.told[0].at - 2 * timedelta(365)
    assert set().union(*(asked.evidence for asked in story.questions)) <= {
        one.id for one in story.told[: len(alone.told)]
    }
    [as_it_is] = locomo.of_one_user(found, 1).stories
    assert len(as_it_is.told) == len(alone.told)


def test_locomo_is_read_with_its_dates_and_categories(tmp_path: Path) -> None:
    """Evidence is what was told; adversarial questions have no answer; open-domain ones end at ";"."""
    [story] = locomo.corpus(locomo_file(tmp_path), [0]).stories
    assert [one.text for one in story.told] == [
        "Ada: I bought a kayak. [photo: a red boat]",
        "Bo: Nice, I play the flute.",
        "Bo: I sold my bike and my car.",
    ]
    assert story.told[2].at.isoformat() == "2023-06-01T09:00:00+00:00"
    kinds = ["multi-hop", "temporal", "open-domain", "single-hop", "adversarial"]
    assert [one.kind for one in story.questions] == kinds
    assert [one.answers for one in story.questions] == [("bike, car",), ("2023",), ("Yes",), ("a kayak",), ()]
    assert [one.evidence for one in story.questions][:2] == [{"D2:1"}, {"D1:1"}]


def test_conversations_that_chose_weights_are_left_out(tmp_path: Path) -> None:
    """Unless they are named."""
    file = tmp_path / "locomo.json"
    [sample] = json.loads(gzip.decompress(locomo_file(tmp_path).read_bytes()))
    file.write_text(json.dumps([sample] * 6), encoding="utf-8")
    users = [story.user for story in locomo.corpus(file).stories]
    assert users == [f"conversation {n}" for n in (1, 2, 3, 5)]


def test_slots_are_asked_where_one_dialogue_has_them(tmp_path: Path) -> None:
    """By who said them; never one that two dialogues have; and some of services that nobody spoke of."""
    stories = sgd.corpus(sgd_file(tmp_path), users=2).stories
    assert len(stories) == 2
    for story in stories:
        told = {one.id: one for one in story.told}
        assert len({one.session for one in story.told}) == sgd.TOGETHER
        kinds = (*sgd.SAID_BY.values(), sgd.NEVER)
        by_kind = {kind: [one for one in story.questions if one.kind == kind] for kind in kinds}
        assert [len(some) for some in by_kind.values()] == [10, 10, 10]
        for role, kind in sgd.SAID_BY.items():
            for one in by_kind[kind]:
                assert {told[id].role for id in one.evidence} >= {role}
                assert all(one.answers[0] in told[id].said.lower() for id in one.evidence)
        everything = " ".join(one.said for one in story.told)
        for one in by_kind[sgd.NEVER]:
            assert not one.answers
            assert f"town{one.text.removesuffix('?').rpartition(' ')[2]} " not in everything.lower()
        assert not any("code" in one.text for one in story.questions)


@pytest.mark.parametrize(
    ("kind", "needed", "answers"),
    [("single", 1, 1), ("multi-key", 4, 1), ("multi-value", 4, 4), ("multi-query", 4, 4)],
)
def test_needles_are_hidden_in_prose(tmp_path: Path, kind: str, needed: int, answers: int) -> None:
    """As many as the kind has, of which the evidence gives what is asked; prose of about the length."""
    found = needles.corpus(prose_file(tmp_path), [300, 1000], documents=3).stories
    some = [story for story in found if story.user.startswith(kind)]
    assert len(some) == 6
    for story in some:
        [question] = story.questions
        hidden = [one for one in story.told if not one.id.startswith("hay/")]
        assert (len(hidden), len(question.answers)) == (needed, answers)
        shown = " ".join(one.said for one in hidden if one.id in question.evidence)
        assert all(value in shown for value in question.answers)
        assert len(question.evidence) == answers
        length = 300 if "300" in story.user else 1000
        words = sum(len(one.said.split()) for one in story.told if one not in hidden)
        assert 0 <= words * needles.TOKENS_A_WORD - length < 20
        assert not any("Heading" in one.said for one in story.told)
    assert some == [
        s for s in needles.corpus(prose_file(tmp_path), [300, 1000], documents=3).stories if s in some
    ]


def test_too_little_prose_is_refused(tmp_path: Path) -> None:
    """Before anything is told."""
    with pytest.raises(UnusableInput, match="9000 tokens take about 6923 words, the prose has fewer"):
        needles.corpus(prose_file(tmp_path), [9000])


def test_a_limit_takes_as_many_of_each_kind_from_all_stories() -> None:
    """Spread evenly; a story of which none is asked is not told."""
    asked = [Question(kind, f"{kind} {n}") for n in range(10) for kind in ("a", "b")]
    stories = [Story(f"u{n}", (), tuple(asked[4 * n : 4 * n + 4])) for n in range(5)]
    left = limited(stories, 2)
    assert [one.text for story in left for one in story.questions] == ["a 0", "b 0", "a 5", "b 5"]
    assert [story.user for story in left] == ["u0", "u2"]
    assert limited(stories, None) == stories
    assert limited(stories, 99) == stories


def test_evidence_is_shared_or_enough() -> None:
    """A question that takes all of it has a share; where one piece says it, one is all."""
    all_of_it = Question("k", "?", ("x",), frozenset("abcd"))
    assert all_of_it.share("axy") == 0.25
    one = Question("k", "?", ("x",), frozenset("abcd"), enough=1)
    assert (one.share("abx"), one.share("xy")) == (1, 0)


def test_answers_are_scored_as_the_corpora_do() -> None:
    """Words without case, articles and punctuation; lists thing by thing; values that stand in the answer."""
    assert token_f1("The red kayak!", "a kayak") == pytest.approx(2 / 3)
    assert token_f1("nothing", "kayak") == 0
    assert listed_f1("car, a boat", "bike, car") == 0.5
    assert listed_f1("the car and the bike", "bike") == pytest.approx(2 / 3)
    assert found("They are 123 and 456.", ["456", "789"]) == 0.5


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("I don't know.", True),
        ("I don’t know", True),
        ("No information available", True),
        ("That was not mentioned.", True),
        ("", True),
        ("None.", True),
        ("Nobody but Ana", False),
        ("She is known as Bo", False),
        ("None of the rooms but the kitchen", False),
    ],
)
def test_refusals_are_told_from_answers(said: str, refused: bool) -> None:
    """Also where they are worded as another model words them."""
    assert refuses(said) is refused


class Narrow:
    """A reader whose window is counted in characters; it says what it read."""

    def __init__(self, window: int) -> None:
        self._window = window

    def fits(self, context: str, question: str) -> bool:
        return len(context) + len(question) <= self._window

    def read(self, context: str, _: str) -> Reply:
        return Reply(context, len(context))

    def lines(self, recalled: Recall) -> list[str]:
        return recalled.prompt.splitlines()


def test_a_full_context_longer_than_the_window_keeps_its_end(tmp_path: Path) -> None:
    """Dates before each session; whole lines, as many as there is room for; all where it fits."""
    [story] = locomo.corpus(locomo_file(tmp_path), [0]).stories
    asked = story.questions[0]
    whole = answering._full_context(Narrow(9999))(story, asked, Recall()).text
    assert whole.splitlines()[0] == "2023-05-08:"
    assert whole.splitlines()[-2:] == ["2023-06-01:", "Bo: I sold my bike and my car."]
    assert answering._full_context(Narrow(50))(story, asked, Recall()).text == whole.splitlines()[-1]
    assert answering._full_context(Narrow(5))(story, asked, Recall()).text == ""


@pytest.fixture
def upstream() -> Iterator[tuple[str, Asked]]:
    """An OpenAI-compatible server that says "a kayak" where its prompt has one; and what it was asked."""
    asked: Asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({**body, "key": self.headers.get("Authorization"), "path": self.path})
            said = "a kayak" if "kayak" in body["messages"][0]["content"] else "No information."
            choices = [{"message": {"role": "assistant", "content": said}}]
            usage = {"prompt_tokens": 7}
            self._send(500 if body["model"] == "broken" else 200, {"choices": choices, "usage": usage})

        def _send(self, status: int, body: Mapping[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
        server.shutdown()
        thread.join()


def test_telling_stops_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step: what takes long is not told to its end first."""
    seconds = iter(range(100))
    monkeypatch.setattr(command.time, "monotonic", lambda: next(seconds))
    told = iter(range(10))
    assert len([*command._until(2.5, told)]) == 3
    assert next(told) == 4


Main = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Main:
    """Runs a command with `--json`; returns its exit code, rows and what it said on standard error."""

    def run(main: Callable[[], int], *given: object) -> tuple[int, list[dict[str, Any]], str]:
        monkeypatch.setattr(sys, "argv", ["field", "--json", *map(str, given)])
        capsys.readouterr()
        code = main()
        shown = capsys.readouterr()
        return code, [json.loads(line) for line in shown.out.splitlines()], shown.err

    return run


def test_an_upstream_is_asked_from_recalled_text_and_full_context(
    tmp_path: Path, upstream: tuple[str, Asked], run: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside nothing at all; its key is in the environment, and refusals are right where nothing answers."""
    url, asked = upstream
    monkeypatch.setenv(command.KEY, "sk-test")
    page = tmp_path / "page.md"
    names = ("locomo-machine", "locomo-recall", "locomo-answers")
    page.write_text("\n".join(f"<!-- {name} -->\n<!-- /{name} -->" for name in names), encoding="utf-8")
    options = ("--conversations", 0, "--recall-only", "--upstream", url, "--markdown", page)
    code, rows, _ = run(locomo.main, "--data", locomo_file(tmp_path), *options)
    assert code == 0
    recalled = {row["kind"]: row for row in rows if row["table"] == "locomo-recall"}
    assert recalled["1 to 4"]["questions"] == 4
    assert recalled["1 to 4"]["in the budget, %"] == 100
    answers = {(row["kind"], row["from"]): row for row in rows if row["table"] == "locomo-answers"}
    assert {way for _, way in answers} == {"nothing", "recalled text", "full context"}
    assert answers["single-hop", "recalled text"]["F1 %"] == 100
    assert answers["single-hop", "full context"]["F1 %"] == 100
    assert answers["single-hop", "nothing"]["F1 %"] == 0
    assert answers["adversarial", "nothing"]["F1 %"] == 100
    assert answers["adversarial", "full context"]["F1 %"] == 0
    assert answers["single-hop", "nothing"]["tokens"] == 7
    assert {one["key"] for one in asked} == {"Bearer sk-test"}
    assert {one["path"] for one in asked} == {"/v1/chat/completions"}
    assert len(asked) == 15
    assert "| single-hop | upstream | full context | 1 | 100 |" in page.read_text(encoding="utf-8")


def test_a_window_cuts_what_an_upstream_is_sent(
    tmp_path: Path, upstream: tuple[str, Asked], run: Main
) -> None:
    """Three characters count as a token, and a reply has its room."""
    url, asked = upstream
    options = ("--recall-only", "--upstream", url, "--tokens", 300, "--limit", 1, "--window", 200)
    code, _, _ = run(needles.main, "--data", prose_file(tmp_path), *options)
    assert code == 0
    lengths = [sum(len(one["content"]) for one in body["messages"]) for body in asked]
    assert 300 < max(lengths) < 3 * (200 - answering.REPLY_TOKENS) + 2
    assert run(needles.main, "--data", prose_file(tmp_path), *options[:-2])[0] == 0
    assert max(sum(len(one["content"]) for one in body["messages"]) for body in asked) > 1000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--recall-only", "--minutes", 0], "0.0 minutes were over before anything was asked"),
        (["--limit", 0], "a limit of 0 asks nothing"),
        (["--conversations", 7], "cannot read"),
        (["--recall-only", "--upstream", "http://127.0.0.1:9/v1"], "gives no answer: ConnectError"),
        (["--recall-only", "--upstream", "URL", "--upstream-model", "broken"], "answers with status 500"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    tmp_path: Path, upstream: tuple[str, Asked], run: Main, options: list[Any], said: str
) -> None:
    """And exit code 1, without a key or an address in it."""
    given = [upstream[0] if one == "URL" else one for one in ["--conversations", 0, *options]]
    code, rows, errors = run(locomo.main, "--data", locomo_file(tmp_path), *given)
    [line] = [line for line in errors.splitlines() if line.startswith("locomo: ")]
    assert (code, rows) == (1, [])
    assert said in line
    assert "127.0.0.1" not in line


@pytest.mark.parametrize("data", [None, b"\xff", b"{}", b"[1]", b"not json"])
def test_a_file_that_is_no_corpus_is_refused(tmp_path: Path, run: Main, data: bytes | None) -> None:
    """Missing, unreadable, or of another form."""
    file = tmp_path / "given.json"
    if data is not None:
        file.write_bytes(data)
    for main in (locomo.main, sgd.main):
        code, rows, errors = run(main, "--data", file, "--recall-only")
        assert (code, rows) == (1, [])
        assert str(file) in errors


@pytest.mark.usefixtures("reference")
def test_our_model_answers_from_weights_and_from_text(tmp_path: Path, run: Main) -> None:
    """In five ways, each scored; conversations with an assistant are told as its messages."""
    code, rows, _ = run(sgd.main, "--data", sgd_file(tmp_path), "--users", 2, "--limit", 1)
    assert code == 0
    answers = {(row["kind"], row["from"]): row for row in rows if row["table"] == "sgd-answers"}
    ways = ["nothing", "weights", "auto", "recalled text", "full context"]
    assert [way for kind, way in answers if kind == sgd.NEVER] == ways
    assert answers["together", "nothing"]["refused %"] == 100
    assert answers["together", "weights"]["tokens"] == answers["together", "nothing"]["tokens"]
    assert answers["together", "full context"]["tokens"] > 5 * answers["together", "nothing"]["tokens"]
    assert all(row["questions"] == 2 for (kind, _), row in answers.items() if kind == "together")


@pytest.mark.usefixtures("reference")
def test_needles_are_told_as_a_document_and_drawn(tmp_path: Path, run: Main) -> None:
    """The plot has what was found by length."""
    drawn = tmp_path / "drawn.png"
    options = ("--tokens", 60, "--limit", 1, "--plot", drawn)
    code, rows, _ = run(needles.main, "--data", prose_file(tmp_path), *options)
    assert code == 0
    answers = [row for row in rows if row["table"] == "needles-answers"]
    assert {row["kind"] for row in answers} == {f"{kind}, 60 tokens" for kind in needles.KINDS}
    assert drawn.read_bytes().startswith(b"\x89PNG")
    needles.plot([row for row in answers if row["kind"].startswith("single")], drawn)  # as when it is stopped
