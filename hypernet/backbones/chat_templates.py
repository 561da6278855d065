"""Chat templates that published hypernetworks were trained with; the base models' own ones differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_GEMMA = (
    "{{ bos_token }}{% set ns = namespace(opening='') %}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set ns.opening = message['content'] + '\\n\\n' %}{% else %}"
    "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n' }}"
    "{{ ns.opening + (message['content'] | trim) + '<end_of_turn>\\n' }}{% set ns.opening = '' %}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)
_MISTRAL = (
    "{{ bos_token }}{% set ns = namespace(opening='') %}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set ns.opening = message['content'] + '\\n\\n' %}"
    "{% elif message['role'] == 'user' %}{{ ' [INST] ' + ns.opening + message['content'] + ' [/INST] ' }}"
    "{% set ns.opening = '' %}{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
_QWEN = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] }}"
    "{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TEMPLATES = {
    "gemma-2-2b-it": _GEMMA,
    "Mistral-7B-Instruct-v0.2": _MISTRAL,
    "Qwen3-4B-Instruct-2507": _QWEN,
}


def use_trained_template(tokenizer: PreTrainedTokenizerBase, base_model: str) -> None:
    """Give the tokenizer the recipe's template for ``base_model``: a hub id, or a path that ends like one."""
    name = base_model.rstrip("/").rpartition("/")[2]
    if name in TEMPLATES:
        tokenizer.chat_template = TEMPLATES[name]
