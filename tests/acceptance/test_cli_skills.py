"""`memory skill` and `memory model`, as a user types them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from memory import Memory
from tests.published_files import Sizes, tensors, write

TERSE = "Answer as a terse legal assistant"
DOG = "My dog is called Biscuit."


def test_a_skill_is_added_listed_and_removed(run: Any) -> None:
    """It joins the user's answers until it is removed."""
    run("add", DOG)
    [[skill_id, _, joins, whom, text]] = run("skill", "add", TERSE, "--user", "ana").lines
    assert (joins, whom, text) == ("always", "user ana", TERSE)
    assert run("ask", "What is my dog called?").out == f"{DOG} [{TERSE}]\n"
    assert [line[0] for line in run("skill", "list").lines] == [skill_id]
    assert run("skill", "list", "--user", "ben").out == ""
    assert run("skill", "remove", skill_id, "--user", "ben").code == 3
    assert ["memory", skill_id] in [line[:2] for line in run("skill", "remove", skill_id).lines]
    assert run("ask", "What is my dog called?").out == f"{DOG}\n"


def test_a_skill_may_be_an_agents_or_join_when_near(run: Any) -> None:
    """With --agent alone it is everybody's who talks to the agent."""
    skill = run("skill", "add", TERSE, "--agent", "clerk", "--when-near", "--json").json
    assert (skill["scope"]["user_id"], skill["scope"]["agent_id"]) == (None, "clerk")
    assert skill["metadata"] == {"pinned": False}
    assert run("skill", "list").out == ""
    [line] = run("skill", "list", "--agent", "clerk").lines
    assert line[2:4] == ["when near", "agent clerk"]
    assert TERSE in run("ask", "Answer as a terse assistant", "--agent", "clerk", "--user", "ben").out
    assert TERSE not in run("ask", "What else?", "--agent", "clerk", "--user", "ben").out


def test_what_is_no_skill_is_not_removed_as_one(run: Any) -> None:
    """A memory stays, and the message says what erases it."""
    [[_, memory_id, _]] = run("add", DOG).lines
    refused = run("skill", "remove", memory_id)
    assert (refused.code, refused.out) == (3, "")
    assert "is not a skill; `memory forget` erases memories" in refused.err
    assert run("show", memory_id).code == 0


def test_known_models_are_listed(run: Any) -> None:
    """By the names that MEMORY_MODEL takes."""
    names = [line[0] for line in run("model", "list").lines]
    assert names == ["reference", "smollm2-135m", "gemma-2-2b", "qwen3-4b", "mistral-7b"]
    assert run("model", "list", "--json").json["models"][2]["base_model"] == "google/gemma-2-2b-it"


def test_a_published_file_is_imported_once(run: Any, home: Path, tmp_path: Path) -> None:
    """A pickle goes in, our own layout comes out; again, it is refused and nothing is overwritten."""
    sizes = Sizes()
    folder = tmp_path / "gemma_run" / "checkpoint-7"
    folder.mkdir(parents=True)
    write(folder / "pytorch_model.bin", sizes, tensors(sizes))
    done = run("model", "import", str(tmp_path / "gemma_run"), "--json").json
    assert (done["kind"], done["base_model"]) == ("Doc-to-LoRA", "tiny/base")
    assert done["folder"] == str(home / "models" / "gemma_run")
    assert not list(Path(done["folder"]).glob("*.bin"))
    again = run("model", "import", str(tmp_path / "gemma_run"))
    assert (again.code, again.out) == (1, "")
    assert "is there already; name a folder that is new or empty" in again.err
    half = run(
        "model", "import", str(folder), "--to", str(tmp_path / "half"), "--dtype", "bfloat16", "--json"
    )
    assert half.json["bytes"] < 0.6 * done["bytes"]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_what_cannot_be_imported_is_refused(run: Any, tmp_path: Path, content: bytes | None) -> None:
    """Damaged, or not there: one line, and no folder is left behind."""
    path = tmp_path / "pytorch_model.bin"
    if content is not None:
        path.write_bytes(content)
    refused = run("model", "import", str(path), "--to", str(tmp_path / "out"))
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("memory: cannot import")
    assert len(refused.err.splitlines()) == 1
    assert [found.name for found in tmp_path.iterdir() if found != path] == []


@pytest.mark.usefixtures("reference")
def test_a_network_for_skills_is_imported_too(run: Any, home: Path, reference: Path) -> None:
    """In the home, under the name of its folder, as MEMORY_SKILLS_MODEL takes it."""
    done = run("model", "import", str(reference / "skills"), "--json").json
    assert (done["kind"], done["folder"]) == ("Text-to-LoRA", str(home / "models" / "skills"))
    memory = Memory(home=home, skills_model=done["folder"])
    assert memory.add_skill("In capitals.", user_id="ana").kind == "skill"
    memory.close()


def test_the_packaged_skills_change_how_a_memory_is_told(home: Path) -> None:
    """The reference model's own Text-to-LoRA network is found, and its adapter joins the memory's."""
    with Memory(home=home) as memory:
        memory.add(DOG, user_id="ana")
        assert memory.ask("What is my dog called?", user_id="ana").text == "Biscuit"
        memory.add_skill("Use complete, well-formed sentences when replying.", user_id="ana")
        reply = memory.ask("What is my dog called?", user_id="ana")
        assert (reply.text, reply.memory_tokens) == ("The answer is Biscuit.", 0)
        assert memory.reindex() == 0


def test_two_packaged_skills_leave_the_answer_whole(home: Path) -> None:
    """The newer one tells how; with both adapters in one merge the name would come back cut."""
    with Memory(home=home) as memory:
        memory.add(DOG, user_id="ana")
        memory.add_skill("Use complete, well-formed sentences when replying.", user_id="ana")
        memory.add_skill("Be polite.", user_id="ana")
        assert memory.ask("What is my dog called?", user_id="ana").text == "Biscuit, with pleasure."
