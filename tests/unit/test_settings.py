"""Settings come from variables and keywords, and wrong ones are named."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from memory.errors import InvalidSettings
from memory.settings import Settings


def test_variables_set_what_keywords_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keyword, then MEMORY_ variable, then default."""
    monkeypatch.setenv("MEMORY_MERGE_BUDGET", "7")
    monkeypatch.setenv("MEMORY_TENANT", "acme")
    settings = Settings.load(tenant="other")
    assert (settings.merge_budget, settings.tenant, settings.model) == (7, "other", "reference")


def test_the_home_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a temporary folder, and everything is below it."""
    monkeypatch.delenv("MEMORY_HOME", raising=False)
    settings = Settings.load()
    assert settings.home.is_absolute()
    assert not settings.home.is_relative_to(tempfile.gettempdir())
    assert settings.adapter_folder.parent == settings.home


def test_a_home_stays_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Relative paths count from where the process stands now, and ~ is the user's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/users/ana")
    assert Settings.load(home="here").home == tmp_path / "here"
    assert Settings.load(home="~/memories").home == Path("/users/ana/memories")


def test_adapters_are_in_a_folder_or_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder by its path or as file://; of an object store, only copies are in the home."""
    monkeypatch.chdir(tmp_path)
    for given in (f"file://{tmp_path}/shared", f"{tmp_path}/shared", "shared"):
        settings = Settings.load(blobs=given)
        assert (settings.adapter_folder, settings.object_store) == (tmp_path / "shared", None)
    for url in ("s3://bucket", "gs://bucket/a/prefix", "az://container/prefix"):
        settings = Settings.load(home=tmp_path, blobs=url)
        assert (settings.object_store, settings.adapter_folder) == (url, tmp_path / "copies")


def test_index_files_can_be_left_out(tmp_path: Path) -> None:
    """No folder, no files."""
    assert Settings.load(home=tmp_path).index_folder == tmp_path / "index"
    assert Settings.load(home=tmp_path, index_files=False).index_folder is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"merge_budget": 0}, r"MEMORY_MERGE_BUDGET.*greater than or equal to 1, got 0"),
        ({"score_threshold": "high"}, r"MEMORY_SCORE_THRESHOLD.*'high'"),
        ({"no_such": 1}, r"no_such"),
        ({"home": " "}, r"MEMORY_HOME\): must not be blank; name a directory or leave it unset, got ' '"),
        ({"blobs": ""}, r"MEMORY_BLOBS\): must not be blank"),
        ({"blobs": "ftp://host/path"}, r"MEMORY_BLOBS\): must be a directory or like s3://bucket/prefix"),
        ({"device": "gpu"}, r"MEMORY_DEVICE.*cuda.*'gpu'"),
        ({"busy_timeout_s": "inf"}, r"MEMORY_BUSY_TIMEOUT_S.*finite"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(given: dict[str, object], message: str) -> None:
    """In one line."""
    with pytest.raises(InvalidSettings, match=message) as raised:
        Settings.load(**given)
    assert "\n" not in str(raised.value)


def test_every_setting_is_described() -> None:
    """The documentation is made of these sentences."""
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_settings_do_not_change() -> None:
    """Several owners share them."""
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().merge_budget = 3


@pytest.mark.parametrize("name", ["upstream_url", "database_url", "blobs"])
def test_a_url_that_is_refused_is_not_quoted(name: str) -> None:
    """It may hold a password."""
    wrong = {
        "upstream_url": "http://me:hunter2@host/v1",
        "database_url": ["hunter2"],
        "blobs": "s3://me:hunter2@bucket",
    }[name]
    with pytest.raises(InvalidSettings, match=name) as refused:
        Settings.load(**{name: wrong})
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_variable_that_should_be_json_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is JSON, and no object."""
    for wrong in ("gpt-4o", "[1]", "3", ""):
        monkeypatch.setenv("MEMORY_UPSTREAM_MODELS", wrong)
        with pytest.raises(InvalidSettings, match=r"upstream_models"):
            Settings.load()
    monkeypatch.setenv("MEMORY_UPSTREAM_MODELS", '{"gpt-4o": "llama"}')
    assert Settings.load().upstream_models == {"gpt-4o": "llama"}
    assert Settings.load(upstream_models={}).upstream_models == {}


def test_variables_that_are_no_settings_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """MEMORY_DEBUG is none, and names are read in small letters too; a keyword that is none is refused."""
    monkeypatch.setenv("MEMORY_NO_SUCH", "1")
    monkeypatch.setenv("memory_tenant", "acme")
    assert Settings.load().tenant == "acme"
    with pytest.raises(InvalidSettings, match="no_such"):
        Settings.load(no_such=1)


@pytest.mark.parametrize("name", ["key", "upstream_key"])
def test_a_key_is_one_that_a_header_can_carry(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the line's end of the file it came from; another is refused here, and not quoted."""
    monkeypatch.setenv(f"MEMORY_{name.upper()}", "sk-4711\n")
    assert getattr(Settings.load(), name).get_secret_value() == "sk-4711"
    for key in ("sk-ä4711", "sk 4711", "sk-4711\nX-Other: 1"):
        with pytest.raises(InvalidSettings, match="one word of ASCII") as refused:
            Settings.load(**{name: key})
        assert "4711" not in f"{refused.value}{refused.value.__cause__}"
    assert getattr(Settings.load(**{name: None}), name) is None
