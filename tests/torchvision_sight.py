"""The families of `tests.tiny_sight` with the processors that they are published with, of torchvision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import (
    Gemma3ImageProcessor,
    Gemma3Processor,
    Idefics3ImageProcessor,
    Idefics3Processor,
    PreTrainedModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessor,
    SmolVLMProcessor,
    SmolVLMVideoProcessor,
)

from tests import tiny_sight
from tests.tiny_sight import HIDDEN

_WINDOWED = {"window_size": 16, "fullatt_block_indexes": [1], "hidden_act": "silu"}
_DEEP = {"deepstack_visual_indexes": [0, 1], "num_position_embeddings": 16}


def gemma3() -> tuple[PreTrainedModel, Any]:
    model, pil = tiny_sight.gemma3()
    pixels = Gemma3ImageProcessor(size={"height": 24, "width": 24}, do_pan_and_scan=False)
    return model, Gemma3Processor(pixels, pil.tokenizer, chat_template=pil.chat_template, image_seq_length=4)


def idefics3() -> tuple[PreTrainedModel, Any]:
    model, pil = tiny_sight.idefics3()
    pixels = Idefics3ImageProcessor(size={"longest_edge": 64}, max_image_size={"longest_edge": 16})
    return model, Idefics3Processor(pixels, pil.tokenizer, image_seq_len=4, chat_template=pil.chat_template)


def smolvlm() -> tuple[PreTrainedModel, Any]:
    """As Idefics3, of which it is the smaller brother; it reads videos too."""
    other, pil = tiny_sight.idefics3()
    sides: dict[str, Any] = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 16}}
    pixels, videos = SmolVLMImageProcessor(**sides), SmolVLMVideoProcessor(**sides)
    template = pil.chat_template
    processor = SmolVLMProcessor(pixels, pil.tokenizer, videos, image_seq_len=4, chat_template=template)
    config = SmolVLMConfig(
        text_config=other.config.text_config.to_dict(),
        vision_config={
            **other.config.vision_config.to_dict(),
            "model_type": "smolvlm_vision",
        },
        image_token_id=processor.image_token_id,
        scale_factor=2,
    )
    return tiny_sight.made(SmolVLMForConditionalGeneration, config), processor


def qwen2_vl() -> tuple[PreTrainedModel, Any]:
    kinds = (Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLProcessor, Qwen2VLVideoProcessor)
    return _qwen(*kinds, embed_dim=16, hidden_size=HIDDEN)


def qwen2_5_vl() -> tuple[PreTrainedModel, Any]:
    """Patches attend within windows, but in one layer."""
    kinds = (Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor, Qwen2VLVideoProcessor)
    return _qwen(*kinds, hidden_size=16, out_hidden_size=HIDDEN, intermediate_size=24, **_WINDOWED)


def qwen3_vl() -> tuple[PreTrainedModel, Any]:
    """Features of the image join the first layers of the language part, behind what stands in its place."""
    kinds = (Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLProcessor, Qwen3VLVideoProcessor)
    return _qwen(*kinds, hidden_size=16, out_hidden_size=HIDDEN, intermediate_size=24, **_DEEP)


def _qwen(config: Any, model: Any, processor: Any, videos: Any, **sight: Any) -> tuple[PreTrainedModel, Any]:
    words = tiny_sight.qwen_tokenizer()
    pixels = Qwen2VLImageProcessor(patch_size=4, min_pixels=64, max_pixels=1024)
    template = words.chat_template
    whole = processor(pixels, words, videos(patch_size=4), chat_template=template)
    sizes = config(
        text_config=tiny_sight.qwen_text(words),
        vision_config={"depth": 2, "num_heads": 2, "patch_size": 4, "initializer_range": 0.3, **sight},
        **tiny_sight.qwen_ids(words),
    )
    return tiny_sight.made(model, sizes), whole


FAMILIES: dict[str, Callable[[], tuple[PreTrainedModel, Any]]] = {
    "gemma3": gemma3,
    "idefics3": idefics3,
    "smolvlm": smolvlm,
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
}
