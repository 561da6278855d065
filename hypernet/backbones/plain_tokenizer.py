"""The packaged base model's tokenizer on ``tokenizers``: what transformers gives, without its import."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from jinja2 import Template
    from tokenizers import Tokenizer


class PlainTokenizer:
    """Called as a tokenizer of transformers, as far as this package calls one."""

    def __init__(self, tokenizer: Tokenizer, named: Mapping[str, str], template: str, name: str) -> None:
        """``named`` are the special tokens by the names that templates know: "eos_token" and the like."""
        self._tokenizer, self._named = tokenizer, dict(named)
        self.chat_template, self.name_or_path = template, name

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read tokenizer.json, tokenizer_config.json and chat_template.jinja.

        Raises FileNotFoundError, and ValueError for what is damaged.
        """
        from tokenizers import Tokenizer

        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        template = (folder / "chat_template.jinja").read_text("utf-8")
        said = (folder / "tokenizer.json").read_text("utf-8")
        try:
            tokenizer = Tokenizer.from_str(said)
        except Exception as error:  # tokenizers raises no narrower class
            raise ValueError(f"{folder / 'tokenizer.json'} is damaged: {error}") from error
        named = {name: token for name, token in config.items() if name.endswith("_token")}
        return cls(tokenizer, named, template, str(folder))

    @property
    def pad_token_id(self) -> int | None:
        return self._id("pad_token")

    @property
    def eos_token_id(self) -> int | None:
        return self._id("eos_token")

    def __call__(
        self,
        text: str | Sequence[str],
        *,
        add_special_tokens: bool = True,
        verbose: bool = True,  # noqa: ARG002  there is nothing it would warn of
    ) -> dict[str, Any]:
        """The ``input_ids`` of one text, or of each."""
        if isinstance(text, str):
            return {"input_ids": self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids}
        encoded = self._tokenizer.encode_batch(list(text), add_special_tokens=add_special_tokens)
        return {"input_ids": [one.ids for one in encoded]}

    def apply_chat_template(
        self,
        conversation: Sequence[Mapping[str, str]],
        *,
        add_generation_prompt: bool = False,
        tokenize: bool = True,
        **_unused: Any,
    ) -> Any:
        """The conversation as the template writes it: token ids, or text where not ``tokenize``."""
        written = self._template.render(
            messages=conversation, add_generation_prompt=add_generation_prompt, **self._named
        )
        return self._tokenizer.encode(written, add_special_tokens=False).ids if tokenize else written

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False, **_unused: Any) -> str:
        """The text of token ids."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens)
        return text

    @cached_property
    def _template(self) -> Template:
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        return ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(
            self.chat_template
        )

    def _id(self, name: str) -> int | None:
        token = self._named.get(name)
        found: int | None = None if token is None else self._tokenizer.token_to_id(token)
        return found
