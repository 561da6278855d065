"""vLLM as the base model, against a stand-in with its documented behaviour; vLLM itself is not run."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from integrations.vllm import VllmGenerator, resolver
from integrations.vllm.naming import is_ours, number_of
from memory import Memory, conformance
from memory.errors import IncompatibleAdapter, InvalidSettings, ModelUnavailable
from memory.ports import GenerationRequest, Internalizer, Trial
from memory.records import Message
from tests.command import echoes
from tests.integration.vllm_stand_in import BASE, DownInternalizer, StandIn, stand_in

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA

QUESTION = (Message("user", "What is my dog called?"),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "adapters"


@pytest.fixture
def vllm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    folder.mkdir()
    with stand_in(folder, monkeypatch) as server:
        yield server


@pytest.fixture
def generator(vllm: StandIn, folder: Path) -> Iterator[VllmGenerator]:
    made = VllmGenerator(vllm.url, BASE, folder, base_fingerprint=DownInternalizer.base_fingerprint)
    yield made
    made.close()


def adapter(*facts: str) -> LoRA:
    made = DownInternalizer()
    return made.combine(made.generate(facts))


def reply(generator: VllmGenerator, lora: LoRA | None, owner: str = "acme") -> str:
    return "".join(generator.stream(GenerationRequest(QUESTION, lora, owner=owner)))


class TestConformance(conformance.GeneratorConformance):
    """What every generator promises; scoring apart, which is refused in words."""

    @pytest.fixture
    def internalizer(self) -> Internalizer:
        return DownInternalizer()

    def test_answers_are_scored_in_their_order(
        self, generator: VllmGenerator, internalizer: Internalizer
    ) -> None:  # type: ignore[override]
        with pytest.raises(ModelUnavailable, match="does not score"):
            generator.score([Trial("What is my dog called?", "Biscuit")])
        assert internalizer.base_fingerprint == generator.base_fingerprint
        assert generator.score([]) == []


def test_a_turn_is_answered_under_its_adapter_which_is_then_gone(
    generator: VllmGenerator, vllm: StandIn, folder: Path
) -> None:
    """By a name that tells nothing; nothing of it stays in vLLM or in the folder."""
    assert reply(generator, adapter("My dog is called Biscuit.")) == "My dog is called Biscuit."
    [name] = vllm.asked
    assert is_ours(name)
    assert vllm.loaded == {}
    assert [*folder.iterdir()] == []
    assert reply(generator, None) == "I don't know."
    assert vllm.asked[-1] == BASE


def test_a_name_is_one_owners_and_one_sets_for_good(generator: VllmGenerator, vllm: StandIn) -> None:
    """Asked again it is the same; another owner's or another set's is another, and so is its number."""
    one, other = adapter("My dog is called Biscuit."), adapter("My dog is called Rex.")
    for lora, owner in ((one, "acme"), (one, "acme"), (one, "globex"), (other, "acme")):
        reply(generator, lora, owner)
    first, again, stranger, different = vllm.asked
    assert first == again
    assert len({first, stranger, different}) == 3
    assert len({number_of(name) for name in vllm.asked}) == 3


def test_nobody_gets_anothers_adapter_while_adapters_churn(
    generator: VllmGenerator, vllm: StandIn, folder: Path
) -> None:
    """16 at a time of 40 owners, some with the same words: loaded and unloaded the whole time."""

    def turn(i: int) -> tuple[str, str]:
        dog = f"My dog is called D{i % 40}."
        return dog, reply(generator, adapter(dog), owner=f"tenant{i % 3}")

    with ThreadPoolExecutor(16) as pool:
        for wanted, said in pool.map(turn, range(240)):
            assert said == wanted
    assert vllm.loaded == {}
    assert [*folder.iterdir()] == []


def test_an_adapter_stays_while_another_turn_uses_it(generator: VllmGenerator, vllm: StandIn) -> None:
    """The first to end does not take it from the second."""
    lora = adapter("My dog is called Biscuit.")
    first = generator.stream(GenerationRequest(QUESTION, lora))
    second = generator.stream(GenerationRequest(QUESTION, lora))
    assert "".join(first) == "My dog is called Biscuit."
    assert len(vllm.loaded) == 1
    assert "".join(second) == "My dog is called Biscuit."
    assert vllm.loaded == {}


def test_an_adapter_above_vllms_rank_is_refused_before_it_is_asked(vllm: StandIn, folder: Path) -> None:
    """With what to do about it."""
    small = VllmGenerator(vllm.url, BASE, folder, base_fingerprint="x", max_rank=8)
    with pytest.raises(IncompatibleAdapter, match="--max-lora-rank"):
        reply(small, adapter(*(f"My dog number {i} is called D{i}." for i in range(9))))
    small.close()
    assert vllm.asked == []


def unregister(vllm: StandIn) -> None:
    vllm.registry.resolvers.clear()


def cut(vllm: StandIn) -> None:
    vllm.fails = "cut"


def stop(vllm: StandIn) -> None:
    vllm.fails = "down"


@pytest.mark.parametrize(
    ("break_it", "says"),
    [(unregister, "plug-in"), (cut, "broke off"), (stop, "cannot be reached")],
)
def test_what_fails_is_one_error_and_leaves_nothing(
    generator: VllmGenerator, vllm: StandIn, folder: Path, break_it: Callable[[StandIn], None], says: str
) -> None:
    """Also where the reply has begun."""
    break_it(vllm)
    with pytest.raises(ModelUnavailable, match=says):
        reply(generator, adapter("My dog is called Biscuit."))
    assert [*folder.iterdir()] == []


def test_a_vllm_that_does_not_unload_keeps_no_turn_waiting(
    generator: VllmGenerator, vllm: StandIn, folder: Path
) -> None:
    """The files are gone; that is in the log."""
    vllm.fails = "unload"
    assert reply(generator, adapter("My dog is called Biscuit.")) == "My dog is called Biscuit."
    assert [*folder.iterdir()] == []


def test_another_base_model_is_refused_at_once(vllm: StandIn, folder: Path) -> None:
    """With those that are served."""
    with pytest.raises(ModelUnavailable, match=f"serves {BASE}"):
        VllmGenerator(vllm.url, "other", folder, base_fingerprint="x")


@pytest.mark.usefixtures("vllm")
@pytest.mark.parametrize("name", ["../secrets", "memory-" + "0" * 40, "", "memory-../../x"])
def test_the_plug_in_finds_our_names_alone(folder: Path, name: str) -> None:
    """None leads out of the folder, and what is not there is nobody's."""
    assert resolver.resolved(folder, BASE, name) is None


def test_the_plug_in_is_found_by_vllm_and_needs_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its entry point."""
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())["project"]
    assert project["entry-points"]["vllm.general_plugins"] == {
        "parametric_memory": "integrations.vllm.resolver:register"
    }
    for name in ("vllm", "vllm.lora", "vllm.lora.resolver"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delenv(resolver.FOLDER, raising=False)
    with pytest.raises((RuntimeError, ImportError)):
        resolver.register()


def test_a_whole_memory_answers_by_vllm(generator: VllmGenerator, tmp_path: Path) -> None:
    """Two users of one memory, told and asked; weights alone, no recalled text in the prompt."""
    parts = {"generator": generator, "internalizer": DownInternalizer()}
    with Memory(home=tmp_path / "home", **{**echoes(), **parts}) as memory:
        memory.add("My dog is called Biscuit.", user_id="ana")
        memory.add("My dog is called Rex.", user_id="bob")
        answers = [memory.ask("What is my dog called?", user_id=user) for user in ("ana", "bob")]
    assert ["Biscuit" in answers[0].text, "Rex" in answers[1].text] == [True, True]
    assert [answer.memory_tokens for answer in answers] == [0, 0]


def test_the_environment_puts_vllm_in_the_models_place(
    vllm: StandIn, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `memory serve` opens its memory: two users who say the same have adapters of different names."""
    given = {"URL": vllm.url, "MODEL": BASE, "FOLDER": str(folder), "MAX_RANK": "64"}
    for name, value in given.items():
        monkeypatch.setenv(f"MEMORY_VLLM_{name}", value)
    monkeypatch.setenv("MEMORY_GENERATOR", "integrations.vllm:from_environment")
    with Memory(
        home=tmp_path / "home", **{**echoes(), "internalizer": DownInternalizer(), "generator": None}
    ) as memory:
        for user in ("ana", "eve"):
            memory.add("My dog is called Biscuit.", user_id=user)
            assert memory.ask("What is my dog called?", user_id=user).text == "My dog is called Biscuit."
    adapters = [name for name in vllm.asked if is_ours(name)]
    assert len(adapters) == len(set(adapters)) == 2
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("named", ["integrations.vllm:nothing", "no.such.module:made"])
def test_a_generator_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """By the name of its setting; so is vLLM without what it needs."""
    monkeypatch.setenv("MEMORY_GENERATOR", named)
    given = {**echoes(), "internalizer": DownInternalizer(), "generator": None}
    with pytest.raises(InvalidSettings, match="MEMORY_GENERATOR"):
        Memory(home=tmp_path, **given)
    monkeypatch.setenv("MEMORY_GENERATOR", "integrations.vllm:from_environment")
    monkeypatch.setenv("MEMORY_VLLM_URL", "http://127.0.0.1:9")
    with pytest.raises(InvalidSettings, match="MEMORY_VLLM_FOLDER, MEMORY_VLLM_MODEL"):
        Memory(home=tmp_path, **given)
