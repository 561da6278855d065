"""Models by name: from the hub without a network, and the short names of published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

from hypernet import reference_path
from hypernet.checkpoints import catalog, locate
from hypernet.doc_to_lora import load_checkpoint
from tests.published_files import Sizes, tensors, write

SIZES = Sizes()


class Hub:
    """What `snapshot_download` gives, and what it was asked for."""

    def __init__(self, root: Path) -> None:
        self.root, self.asked = root, []  # type: tuple[Path, list[tuple[str, Any]]]
        self.error: Exception | None = None

    def __call__(self, repo: str, *, allow_patterns: Any = None) -> str:
        self.asked.append((repo, allow_patterns))
        if self.error is not None:
            raise self.error
        return str(self.root)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub that holds one repository with a run of two checkpoints in a folder."""
    for step in (300, 20000):
        folder = tmp_path / "repository" / "gemma_2b_d2l" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        write(folder / "pytorch_model.bin", SIZES, tensors(SIZES, seed=step))
    found = Hub(tmp_path / "repository")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", found)
    return found


def test_a_hub_id_with_a_folder_downloads_that_folder_alone(hub: Hub) -> None:
    """And reads its last checkpoint; a folder below it names another one."""
    last = load_checkpoint("SakanaAI/doc-to-lora:gemma_2b_d2l").hypernetwork.state_dict()
    assert hub.asked == [("SakanaAI/doc-to-lora", ["gemma_2b_d2l/*"])]
    first = load_checkpoint("SakanaAI/doc-to-lora:gemma_2b_d2l/checkpoint-300").hypernetwork.state_dict()
    assert hub.asked[1] == ("SakanaAI/doc-to-lora", ["gemma_2b_d2l/checkpoint-300/*"])
    assert (last["heads.head"][0, 0, 0, 0] == tensors(SIZES, seed=20000)["head.weight"][0, 0, 0]).item()
    assert (first["heads.head"][0, 0, 0, 0] == tensors(SIZES, seed=300)["head.weight"][0, 0, 0]).item()


def test_a_hub_id_without_a_folder_downloads_all(hub: Hub) -> None:
    """The repository's own root."""
    assert locate.checkpoint_path("owner/repo") == hub.root
    assert hub.asked == [("owner/repo", None)]


def test_a_local_path_is_never_asked_of_the_hub(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that looks like a hub id."""
    (tmp_path / "owner" / "repo").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert locate.checkpoint_path("owner/repo") == Path("owner/repo")
    for name in ("nothing", "./a/b", "/a/b", "a/b/c"):
        with pytest.raises(FileNotFoundError, match=f"no checkpoint at {name}: expected a file, a folder"):
            locate.checkpoint_path(name)
    assert hub.asked == []


def test_what_the_hub_has_not_is_said_in_one_line(hub: Hub) -> None:
    """A missing folder, no network, and a repository that is not there."""
    with pytest.raises(FileNotFoundError, match=r"the hub's owner/repo has no folder 'nowhere'"):
        locate.checkpoint_path("owner/repo:nowhere")
    response = httpx.Response(404, request=httpx.Request("GET", "https://hub"))
    for error in (
        LocalEntryNotFoundError("cannot reach the hub\nand it is not in the cache"),
        RepositoryNotFoundError("no such repository", response=response),
        ConnectionError("no route"),
    ):
        hub.error = error
        with pytest.raises(FileNotFoundError, match="not a local path, and the hub says") as caught:
            locate.checkpoint_path("owner/repo")
        assert "\n" not in str(caught.value)


def test_short_names_mean_published_files() -> None:
    """The names of the setting, each with its base and, where there is one, its network for skills."""
    assert catalog.hypernetwork_of("reference") == reference_path()
    assert catalog.skills_of("reference") == reference_path() / "skills"
    assert catalog.hypernetwork_of("gemma-2-2b") == "SakanaAI/doc-to-lora:gemma_2b_d2l"
    assert catalog.skills_of("mistral-7b") == "SakanaAI/text-to-lora:trained_t2l/mistral_7b_t2l"
    assert catalog.skills_of("qwen3-4b") is None
    assert (catalog.hypernetwork_of("my/own"), catalog.skills_of("my/own")) == ("my/own", None)


def test_skills_stand_beside_a_model_of_ones_own(tmp_path: Path) -> None:
    """In a folder called skills, also where the model is named by its file."""
    (tmp_path / "skills").mkdir()
    (tmp_path / "hypernet.json").write_text("{}")
    assert catalog.skills_of(str(tmp_path)) == tmp_path / "skills"
    assert catalog.skills_of(str(tmp_path / "hypernet.json")) == tmp_path / "skills"
