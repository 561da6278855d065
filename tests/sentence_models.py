"""A small model in the layout of sentence-transformers, with random weights and the packaged vocabulary."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from memory.backends.model.embedder import packaged_folder

SIZE = 32
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
_PARTS = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}


def write_sentence_model(folder: Path, *, seed: int = 0, pooling: str = "mean_tokens") -> Path:
    """The folder of one layer of BERT, SIZE wide, that reads 128 tokens."""
    torch.manual_seed(seed)
    config = BertConfig(hidden_size=SIZE, num_hidden_layers=1, num_attention_heads=2, intermediate_size=SIZE)
    BertModel(config).save_pretrained(folder)
    for name in _TOKENIZER:
        shutil.copy(packaged_folder() / name, folder)
    modules = [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, (path, kind) in enumerate(_PARTS.items())
    ]
    pooled = {
        "word_embedding_dimension": SIZE,
        "pooling_mode_mean_tokens": False,
        f"pooling_mode_{pooling}": True,
    }
    for name, content in {
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": False},
        "1_Pooling/config.json": pooled,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder
