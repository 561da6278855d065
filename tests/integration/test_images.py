"""Pictures as memories: stored, found, scoped, exported, made again and erased like texts."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import PIL.Image
import pytest

from memory import Memory
from memory.errors import InvalidInput, MissingScope, SeesNothing, TextTooLarge
from memory.fakes import EchoInternalizer
from memory.ports import Look
from memory.records import IMAGE, Skipped
from memory.write.thumbnails import thumbnail
from tests.conftest import MakeMemory


def picture(color: str = "red", size: tuple[int, int] = (300, 200), kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    PIL.Image.new("RGB", size, color).save(out, kind)
    return out.getvalue()


class Blind(EchoInternalizer):
    """A model that reads text alone."""

    def look(self, _image: PIL.Image.Image, _caption: str = "") -> Look:
        raise SeesNothing("the model reads text alone")


def test_a_picture_is_one_memory_with_a_thumbnail_and_its_hash(memory: Memory, tmp_path: Path) -> None:
    """By path, bytes or data URL; equal pictures with equal captions are stored once in a scope."""
    path = tmp_path / "photo.txt"  # whatever it is called
    path.write_bytes(picture())
    url = "data:image/png;base64," + base64.b64encode(picture()).decode()
    [record] = memory.add("Our garden in May.", image=path, user_id="ana")
    assert (record.kind, record.text) == ("image", "Our garden in May.")
    about = record.metadata[IMAGE]
    assert (about["width"], about["height"], len(about["sha256"])) == (300, 200, 64)
    small = thumbnail(record.metadata)
    assert small is not None
    assert small.size == (96, 64)
    for same in (picture(), url, str(path)):
        again = memory.add("Our garden in May.", image=same, user_id="ana")
        assert [one.id for one in again] == [record.id]
        assert again.skipped == (Skipped("Our garden in May.", "duplicate"),)
    assert memory.add("Our garden in May.", image=picture("blue"), user_id="ana").created
    assert memory.add("Our garden in May.", image=picture(), user_id="ben").created
    assert memory.stats(user_id="ana").memories == 2


def test_without_a_caption_the_models_own_words_find_it(memory: Memory) -> None:
    """Two pictures of one color and other sizes are two memories, though the words are the same."""
    [record] = memory.add(image=picture("lime"), user_id="ana")
    assert record.text == "The picture's middle is green."
    [hit] = memory.search("What is the picture's middle?", user_id="ana", k=1)
    assert hit.record.id == record.id
    assert memory.search("What is the picture's middle?", user_id="ben") == []
    assert memory.add(image=picture("lime", (50, 50)), user_id="ana").created


def test_a_caption_does_not_hide_what_the_model_says_of_the_picture(memory: Memory) -> None:
    """Search finds it by either, and another model reads both; a new caption changes neither."""
    [barn] = memory.add("Our barn in May.", image=picture("blue"), user_id="ana")
    memory.add("The cat sleeps all day.", user_id="ana")
    assert barn.metadata[IMAGE]["words"] == "The picture's middle is blue."
    for query in ("barn", "blue", "What is the picture's middle?"):
        assert memory.search(query, user_id="ana", k=1)[0].record.id == barn.id, query
    assert "Our barn in May. The picture's middle is blue." in str(memory.recall("blue", user_id="ana"))
    memory.update(barn.id, "Our garage.", user_id="ana")
    for query in ("garage", "blue"):
        assert memory.search(query, user_id="ana", k=1)[0].record.text == "Our garage.", query


def test_the_adapter_holds_what_was_seen_beside_the_caption(memory: Memory) -> None:
    """The answer is nowhere in the text: it comes out of the weights."""
    memory.add("The picture of the barn.", image=picture("blue"), user_id="ana")
    reply = memory.chat("What is the picture's middle?", user_id="ana", mode="adapters")
    assert "blue" in reply.text
    assert reply.memory_tokens == 0


def test_a_picture_supersedes_nothing_and_is_never_compacted(memory: Memory) -> None:
    """A caption is no statement that could take another's place."""
    [old] = memory.add("I live in Lisbon.", user_id="ana")
    added = memory.add("I live in Porto.", image=picture(), user_id="ana")
    assert not added.superseded
    memory.compact(user_id="ana")
    assert {one.kind for one in memory.list(user_id="ana").records} >= {"image"}
    assert memory.get(old.id).valid_until is None


def test_a_new_caption_keeps_the_picture(memory: Memory) -> None:
    """The adapter is made again from the thumbnail and the new caption."""
    [record] = memory.add("A barn.", image=picture("blue"), user_id="ana")
    renewed = memory.update(record.id, "The old barn in Sintra.", user_id="ana")
    assert renewed.metadata[IMAGE] == record.metadata[IMAGE]
    assert "blue" in memory.chat("What is the picture's middle?", user_id="ana", mode="adapters").text


def test_another_model_makes_it_again_from_the_thumbnail(make_memory: MakeMemory) -> None:
    """One that sees nothing keeps the words."""
    make_memory().add("The picture of the barn.", image=picture("blue"), user_id="ana")
    other = make_memory(internalizer=EchoInternalizer(hypernet_fingerprint="other"))
    assert other.reindex() == 1
    assert "blue" in other.chat("What is the picture's middle?", user_id="ana", mode="adapters").text
    blind = make_memory(internalizer=Blind(hypernet_fingerprint="blind"))
    assert blind.reindex() == 1
    assert "barn" in blind.chat("Is there a barn?", user_id="ana", mode="adapters").text


def test_an_archive_carries_pictures(make_memory: MakeMemory, tmp_path: Path) -> None:
    """Into another home, with thumbnail and adapter; a second import adds nothing."""
    [record] = make_memory().add("A barn.", image=picture("blue"), user_id="ana")
    make_memory().export(tmp_path / "ana.memory", user_id="ana")
    other = make_memory(home=tmp_path / "other")
    for _ in range(2):
        other.import_(tmp_path / "ana.memory")
    [moved] = other.list(user_id="ana").records
    assert (moved.kind, moved.metadata, moved.adapter) == ("image", record.metadata, record.adapter)


def test_forgetting_takes_the_picture_whole(memory: Memory, tmp_path: Path) -> None:
    """No file of the home holds its thumbnail afterwards, and its adapter is gone."""
    [record] = memory.add("A barn.", image=picture("blue"), user_id="ana")
    small = record.metadata[IMAGE]["thumbnail"].encode()
    receipt = memory.forget(user_id="ana")
    assert [one.memory_id for one in receipt.memories] == [record.id]
    memory.close()
    left = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not [path for path in left if small in path.read_bytes()]
    assert not [path for path in left if record.adapter.digest in str(path)]


def test_a_picture_leaves_nothing_of_its_exif_behind(memory: Memory) -> None:
    """Neither in the thumbnail nor in what is said of it."""
    exif = PIL.Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010E] = "my secret place"
    out = io.BytesIO()
    PIL.Image.new("RGB", (60, 40), "red").save(out, "JPEG", exif=exif.tobytes())
    [record] = memory.add(image=out.getvalue(), user_id="ana")
    url = record.metadata[IMAGE]["thumbnail"]
    raw = base64.b64decode(url.partition(",")[2])
    assert b"secret" not in raw
    assert b"EXIF" not in raw
    assert "secret" not in record.text


def test_what_is_no_picture_is_refused_in_one_line(memory: Memory, tmp_path: Path) -> None:
    """And stores nothing."""
    for image in (
        b"",
        b"hello",
        tmp_path / "nowhere.png",
        tmp_path,
        "data:image/png;base64,!",
        "data:text,x",
    ):
        with pytest.raises(InvalidInput) as caught:
            memory.add("A barn.", image=image, user_id="ana")
        assert "\n" not in str(caught.value)
    with pytest.raises(InvalidInput, match="give a path, bytes or a data URL"):
        memory.add(image=3, user_id="ana")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="use another name"):
        memory.add(image=picture(), metadata={IMAGE: "mine"}, user_id="ana")
    with pytest.raises(InvalidInput, match="takes a caption"):
        memory.add([{"role": "user", "content": "Hi."}], image=picture(), user_id="ana")
    with pytest.raises(InvalidInput, match="the caption has"):
        memory.add("word " * 2000, image=picture(), user_id="ana")
    with pytest.raises(TextTooLarge):
        memory.add("w" * (memory.settings.max_text_bytes + 1), image=picture(), user_id="ana")
    with pytest.raises(MissingScope):
        memory.add(image=picture())
    assert memory.stats().memories == 0


def test_a_model_that_sees_nothing_refuses(make_memory: MakeMemory) -> None:
    """With what to do about it; nothing is stored."""
    memory = make_memory(internalizer=Blind())
    with pytest.raises(SeesNothing, match="reads text alone"):
        memory.add(image=picture(), user_id="ana")
    assert memory.stats(user_id="ana").memories == 0
