"""Text to windows: nothing lost, nothing doubled, framed as chat turns."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from hypernet.backbones.chat_templates import TEMPLATES, use_trained_template
from hypernet.backbones.chunking import affixes, frame, split, windows
from hypernet.training.reference.reference import train_tokenizer, wrap_tokenizer
from hypernet.training.reference.rows import ASSISTANT, END, USER, Renderer

TEXT = "  The kettle is red.\n\nIts owner, Mara, has 14 cups and 3 plates; none is older than the kettle. "


PLAIN = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return with_template(wrap_tokenizer(train_tokenizer([TEXT] * 30)), PLAIN)


def with_template(tokenizer: PreTrainedTokenizerFast, template: str | None) -> PreTrainedTokenizerFast:
    other = wrap_tokenizer(tokenizer.backend_tokenizer)
    other.chat_template = template
    return other


def test_a_short_text_is_one_window_in_the_form_the_reference_model_is_trained_on(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    """The windows of the package and the contexts of the training are the same ids."""
    trained = Renderer(tokenizer.backend_tokenizer).contexts([TEXT.strip()])
    assert windows(wrap_tokenizer(tokenizer.backend_tokenizer), TEXT, 500, system_turn=False) == trained


def test_cuts_are_even_and_closed_and_opened_by_the_template(tokenizer: PreTrainedTokenizerFast) -> None:
    """Between two windows stand the closing and the opening of a turn; without them the ids are unchanged."""
    whole = windows(tokenizer, TEXT, -1, system_turn=False)[0]
    parts = windows(tokenizer, TEXT, 10, system_turn=False)
    assert len(parts) == -(-len(whole) // 10)
    for i, part in enumerate(parts):
        assert part[0] == USER
        assert part[-2:] == [END, ASSISTANT]
        if i:
            part.pop(0)
        if i < len(parts) - 1:
            del part[-2:]
    assert list(chain(*parts)) == whole
    assert max(map(len, parts)) - min(map(len, parts[:-1])) == 0


@given(
    ids=st.lists(st.integers(0, 50), max_size=80),
    prefix=st.lists(st.integers(51, 60), max_size=4),
    suffix=st.lists(st.integers(61, 70), max_size=4),
    limit=st.integers(-1, 30),
)
def test_splitting_loses_and_doubles_nothing(
    ids: list[int], prefix: list[int], suffix: list[int], limit: int
) -> None:
    """Without the affixes the windows are the ids in order, none empty, none above the limit."""
    parts = split(ids, prefix, suffix, limit)
    bare = [[i for i in part if i <= 50] for part in parts]
    assert list(chain(*bare)) == ids
    assert all(bare)
    assert all(len(part) <= limit for part in bare) or limit < 1


def test_text_that_needs_more_windows_than_allowed_is_refused_not_cut(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    """The message says how many windows it would take."""
    needed = len(windows(tokenizer, TEXT, 10))
    assert len(windows(tokenizer, TEXT, 10, max_chunks=needed)) == needed
    with pytest.raises(ValueError, match=f"needs {needed} windows of 10 tokens, at most 2"):
        windows(tokenizer, TEXT, 10, max_chunks=2)


@pytest.mark.parametrize("blank", ["", "  \n\t "])
def test_blank_text_is_refused(tokenizer: PreTrainedTokenizerFast, blank: str) -> None:
    """There is nothing to remember in white space."""
    with pytest.raises(ValueError, match="blank"):
        windows(tokenizer, blank, 10)


def test_an_empty_system_turn_opens_the_context_when_asked(tokenizer: PreTrainedTokenizerFast) -> None:
    """The published recipes have it, the reference model has not."""
    assert frame(tokenizer, system_turn=True)[0] == "<|system|><|end|><|user|>"
    assert frame(tokenizer, system_turn=False)[0] == "<|user|>"


def test_a_template_that_refuses_system_turns_gets_the_gap_instead(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    """Gemma's own template raises for a system role and trims the user's text."""
    refusing = with_template(
        tokenizer,
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "<|user|>{{ messages[0]['content'] | trim }}<|end|>",
    )
    assert frame(refusing, system_turn=True) == ("<|user|>\n\n", "<|end|>")
    assert frame(refusing, system_turn=False) == ("<|user|>", "<|end|>")


def test_a_space_at_the_end_of_the_template_is_no_part_of_the_suffix(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    """As in the published recipe for Mistral; the text's own ending keeps it."""
    spaced = with_template(tokenizer, "<|user|>{{ messages[-1]['content'] }}<|end|> ")
    assert affixes(spaced) == ([USER], [END])
    assert tokenizer.decode(windows(spaced, "red", 50)[0]).endswith("<|end|> ")


@pytest.mark.parametrize(
    ("template", "message"), [(None, "no chat template"), ("<|user|>hello", "does not show the user's text")]
)
def test_unusable_templates_are_refused(
    tokenizer: PreTrainedTokenizerFast, template: str | None, message: str
) -> None:
    """A tokenizer without a template, or with one that hides the text, cannot frame a context."""
    with pytest.raises(ValueError, match=message):
        windows(with_template(tokenizer, template), TEXT, 10)


def test_published_bases_get_their_trained_template_also_from_a_local_path(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    """A folder called like the base model is that base model; any other keeps its template."""
    other = with_template(tokenizer, "own")
    use_trained_template(other, "/models/some-other-model")
    assert other.chat_template == "own"
    use_trained_template(other, "/models/gemma-2-2b-it/")
    assert other.chat_template == TEMPLATES["gemma-2-2b-it"]
