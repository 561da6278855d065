"""Tiny image-text models with random weights, their processors and their chat forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3Processor,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLProcessor,
)
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

HIDDEN, LAYERS = 32, 5
_GEMMA = (
    "{{ bos_token }}{% set ns = namespace(first='') %}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set ns.first = message['content'][0]['text'] + '\\n\\n' %}"
    "{% else %}<start_of_turn>{{ message['role'] + '\\n' + ns.first }}{% set ns.first = '' %}"
    "{% if message['content'] is string %}{{ message['content'] | trim }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<start_of_image>"
    "{% else %}{{ part['text'] | trim }}{% endif %}{% endfor %}{% endif %}<end_of_turn>\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
_IDEFICS = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
_QWEN = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_TEXT = {
    "hidden_size": HIDDEN,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.3,
    "pad_token_id": 0,
}
_SIGHT = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "initializer_range": 0.3,
}


def tokenizer(template: str, specials: list[str], **named: str) -> PreTrainedTokenizerFast:
    """One token a byte, and the family's special ones before them."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    whole = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate([*specials, *letters])}, merges=[]))
    whole.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    whole.decoder = decoders.ByteLevel()
    whole.add_special_tokens(specials)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=whole, pad_token=specials[0], extra_special_tokens=named
    )
    wrapped.chat_template = template
    return wrapped


def gemma3() -> tuple[PreTrainedModel, Any]:
    """Images of four tokens each, which attend to each other in both directions; sliding windows."""
    specials = ["<pad>", "<bos>", "<start_of_turn>", "<end_of_turn>"]
    named = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    words = tokenizer(_GEMMA, [*specials, *named.values()], **named)
    words.add_special_tokens({"bos_token": "<bos>"})
    pixels = Gemma3ImageProcessorPil(size={"height": 24, "width": 24}, do_pan_and_scan=False)
    processor = Gemma3Processor(pixels, words, chat_template=_GEMMA, image_seq_length=4)
    config = Gemma3Config(
        text_config={**_TEXT, "vocab_size": len(words), "sliding_window": 16, "query_pre_attn_scalar": 8},
        vision_config={**_SIGHT, "image_size": 24, "patch_size": 6, "vision_use_head": False},
        mm_tokens_per_image=4,
        image_token_index=words.image_token_id,
        boi_token_index=words.boi_token_id,
        eoi_token_index=words.eoi_token_id,
    )
    return made(Gemma3ForConditionalGeneration, config), processor


def idefics3() -> tuple[PreTrainedModel, Any]:
    """Large images are split into tiles of four tokens, and seen as a whole beside them."""
    specials = ["<pad>", "<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]
    words = tokenizer(_IDEFICS, [*specials, "<|im_start|>"])
    pixels = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 16})
    processor = Idefics3Processor(pixels, words, image_seq_len=4, chat_template=_IDEFICS)
    config = Idefics3Config(
        text_config={**_TEXT, "model_type": "llama", "vocab_size": len(words)},
        vision_config={**_SIGHT, "image_size": 16, "patch_size": 4},
        image_token_id=processor.image_token_id,
        scale_factor=2,
    )
    return made(Idefics3ForConditionalGeneration, config), processor


def qwen2_vl() -> tuple[PreTrainedModel, Any]:
    """As many tokens as an image has patches, which have positions in three dimensions."""
    words = qwen_tokenizer()
    pixels = Qwen2VLImageProcessorPil(patch_size=4, min_pixels=64, max_pixels=1024)
    processor = _without_video(Qwen2VLProcessor, pixels, words)
    config = Qwen2VLConfig(
        text_config=qwen_text(words),
        vision_config={"depth": 2, "embed_dim": 16, "hidden_size": HIDDEN, "num_heads": 2, "patch_size": 4},
        **qwen_ids(words),
    )
    return made(Qwen2VLForConditionalGeneration, config), processor


def qwen_tokenizer() -> PreTrainedTokenizerFast:
    specials = ["<pad>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
    return tokenizer(_QWEN, [*specials, "<|image_pad|>", "<|video_pad|>"])


def qwen_text(words: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Sizes of the language part."""
    turns = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]}
    return {**_TEXT, "vocab_size": len(words), "rope_parameters": turns}


def qwen_ids(words: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Where the parts of an image stand among the words."""
    named = {"image": "image_pad", "video": "video_pad"}
    named |= {"vision_start": "vision_start", "vision_end": "vision_end"}
    return {f"{n}_token_id": words.convert_tokens_to_ids(f"<|{token}|>") for n, token in named.items()}


FAMILIES: dict[str, Callable[[], tuple[PreTrainedModel, Any]]] = {
    "gemma3": gemma3,
    "idefics3": idefics3,
    "qwen2_vl": qwen2_vl,
}


def picture(width: int, height: int, seed: int = 0) -> PIL.Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return PIL.Image.fromarray(noise)


def made(kind: Any, config: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    model: PreTrainedModel = kind(config)
    for weight in model.parameters():
        if weight.ndim > 1 and not weight.any():  # Gemma's projection starts at zero, and would see nothing
            torch.nn.init.normal_(weight, std=0.3)
    return model.eval().requires_grad_(False)


def _without_video(kind: Any, pixels: Any, words: PreTrainedTokenizerFast) -> Any:
    """A processor whose video part, which needs torchvision, is left out."""

    class Images(kind):  # type: ignore[misc]
        def check_argument_for_proper_class(self, name: str, argument: Any) -> Any:
            return None if argument is None else super().check_argument_for_proper_class(name, argument)

    return Images(pixels, words, None, chat_template=words.chat_template)
