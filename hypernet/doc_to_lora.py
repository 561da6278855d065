"""Doc-to-LoRA: text in, adapter out, in one forward pass of the context encoder and the hypernetwork.

Axes: C chunks, T tokens, L base layers, R rank.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hypernet import expansion
from hypernet.backbones import bases
from hypernet.backbones.chat_templates import use_trained_template
from hypernet.backbones.chunking import affixes, windows
from hypernet.backbones.conversion import base_fingerprint
from hypernet.backbones.encoder import Feed, by_length, encode, of_tokens, pad, visit_features
from hypernet.backbones.pictures import Picture, open_pictures
from hypernet.backbones.sight import ImageTextSight, ImageTurn, Sight, load_processor, sees
from hypernet.backbones.tuning import tune
from hypernet.checkpoints import checkpoint, locate, published
from hypernet.checkpoints.checkpoint import Checkpoint
from hypernet.lora import checks, latents
from hypernet.lora.adapter import LoRA
from hypernet.lora.fingerprint import fingerprint
from hypernet.lora.latents import Latents
from hypernet.networks.anchored import AnchoredHypernetwork
from hypernet.networks.config import HypernetConfig
from hypernet.networks.hypernetwork import AnyHypernetwork, Hypernetwork
from hypernet.networks.tokens import TokenHypernetwork

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin

_log = logging.getLogger(__name__)

Chunk = Sequence[int] | ImageTurn

_ALIKE = 0.8  # chunks of a batch are so long at least, of its longest: padding is computed like any token


class DocToLoRA:
    """A frozen base model and the hypernetwork that writes adapters for it.

    ``tokens_at_once`` bounds the memory of a pass: so many tokens, padding included, go through the encoder
    and through the Perceiver together (always at least one chunk). ``layer_by_layer`` keeps the features of
    one base layer at a time instead of all of them, for hypernetworks that read every layer; slower on a GPU.

    ``encoder`` is the context encoder where it is not the base itself: any causal LM, or any image-text
    model of transformers. Of that the language part reads texts, and the whole of it images, which its
    ``processor`` (loaded from where the model came from, unless given) makes into a turn. Of a deeper encoder
    the first blocks are read. ``image_encoder`` is the folder of a patch encoder (``backbones/patches.py``)
    that stands in front of the base instead.
    """

    def __init__(
        self,
        hypernetwork: AnyHypernetwork,
        base_model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        encoder: PreTrainedModel | None = None,
        context_tokenizer: PreTrainedTokenizerBase | None = None,
        processor: ProcessorMixin | None = None,
        image_encoder: str | Path | None = None,
        tokens_at_once: int = 8192,
        layer_by_layer: bool = False,
    ) -> None:
        bases.require_fit(hypernetwork.config, base_model, encoder or base_model)
        self.hypernetwork = hypernetwork
        self.base_model = base_model
        self.tokenizer = tokenizer
        self.encoder = encoder or base_model
        self.context_tokenizer = context_tokenizer or tokenizer
        self._processor, self._image_encoder = processor, image_encoder
        self.tokens_at_once = tokens_at_once
        self.layer_by_layer = layer_by_layer

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        base_model: str | Path | PreTrainedModel | None = None,
        tokenizer: PreTrainedTokenizerBase | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        tokens_at_once: int = 8192,
        layer_by_layer: bool = False,
    ) -> DocToLoRA:
        """The hypernetwork at ``path`` with its base model.

        ``path`` is a file, a folder or a hub id (``owner/repo:folder``), in the published layout or ours.
        ``base_model`` (and its ``tokenizer``) replace what the checkpoint names. ``dtype`` is the base's
        (float32 on a CPU, else bfloat16); the hypernetwork stays in float32. Raises FileNotFoundError for
        what is missing, and ValueError, saying what was expected and found, for what is damaged or misfits.
        """
        device = device or bases.default_device()
        dtype = dtype or bases.default_dtype(device)
        found = load_checkpoint(path)
        name = base_model or found.base_model
        base = bases.load_model(name, device, dtype) if isinstance(name, str | Path) else name
        tune(base, found.hypernetwork)
        tokenizer = tokenizer or _tokenizer(str(base.name_or_path), found.hypernetwork.config)
        encoder = context_tokenizer = None
        if found.encoder_model is not None:
            encoder = bases.load_encoder(found.encoder_model, device, dtype)
            context_tokenizer = _tokenizer(found.encoder_model, found.hypernetwork.config)
            if sees(encoder) and not context_tokenizer.chat_template:
                context_tokenizer.chat_template = load_processor(found.encoder_model).chat_template
        return cls(
            found.hypernetwork.to(base.device),
            base,
            tokenizer,
            encoder=encoder,
            context_tokenizer=context_tokenizer,
            image_encoder=found.image_encoder,
            tokens_at_once=tokens_at_once,
            layer_by_layer=layer_by_layer,
        )

    @property
    def config(self) -> HypernetConfig:
        return self.hypernetwork.config

    @cached_property
    def base_fingerprint(self) -> str:
        """Tells base models apart; one model has one on any device, in any dtype, from any file layout."""
        return base_fingerprint(self.base_model)

    @cached_property
    def hypernet_fingerprint(self) -> str:
        """Tells hypernetworks apart, by their sizes and their weights."""
        defaults = {f.name: f.default for f in fields(HypernetConfig)}
        sizes = {k: v for k, v in self.config.to_dict().items() if v != defaults[k]}
        return fingerprint(json.dumps(sizes, sort_keys=True), self.hypernetwork.state_dict().items())

    @property
    def answer_opening(self) -> str:
        """What stands before an answer's first word: a space, where rows say tokens as a text has them."""
        return " " if self.config.reader == "tokens" else ""

    @property
    def bias(self) -> LoRA:
        """The adapter that every merge holds once."""
        factors = self.hypernetwork.bias()
        return LoRA(
            {m: a[0].detach() for m, (a, _) in factors.items()},
            {m: b[0].detach() for m, (_, b) in factors.items()},
            self.config.scaling,
            self.config.written_layers or None,
        )

    @property
    def sees(self) -> bool:
        """Whether images can be internalized."""
        return self._image_encoder is not None or sees(self.encoder)

    @cached_property
    def sight(self) -> Sight:
        """What reads images; loaded when it is first asked for. Raises ValueError where there is none."""
        system_turn = self.config.context_system_turn
        if self._image_encoder is not None:
            from hypernet.backbones import patches

            encoder = patches.load(Path(self._image_encoder), self.base_fingerprint)
            return patches.PatchSight(encoder, self.base_model, self.tokenizer, system_turn=system_turn)
        if not self.sees:
            raise ValueError(
                f"the context encoder {self.encoder.name_or_path} reads text alone: images need a "
                "hypernetwork whose context encoder is an image-text model"
            )
        processor = self._processor or load_processor(str(self.encoder.name_or_path))
        return ImageTextSight(self.encoder, processor, system_turn=system_turn)

    def internalize(self, text: str = "", *, image: Picture | Sequence[Picture] | None = None) -> LoRA:
        """One adapter that holds the whole text, and the images: chunked, generated and combined with the
        bias adapter. An image is a path, the bytes of a file or a PIL image.

        Beyond ``config.max_chunks`` chunks the hypernetwork combines more than it was trained to, which is
        logged: keep such a text as many adapters, and combine those that matter for a question, as
        ``memory.Memory`` does.
        """
        chunks = [*self.chunks(text)] if image is None else self.turns(text, image)
        if len(chunks) > self.config.max_chunks:
            most = self.config.max_chunks
            _log.warning("a text of %d chunks is combined, beyond the %d trained for", len(chunks), most)
        return self.combine(self.generate(chunks))

    def chunks(self, text: str) -> list[list[int]]:
        """Token ids of the text in even windows, ready for ``generate``. Raises ValueError for blank text."""
        c = self.config
        return windows(self.context_tokenizer, text, c.max_chunk_tokens, system_turn=c.context_system_turn)

    def turns(self, text: str, image: Picture | Sequence[Picture]) -> list[Chunk]:
        """Images, and text that may be blank, ready for ``generate``.

        All of it is one turn where that fits a chunk; else each image is a turn and the text is cut, an image
        never.
        """
        images = open_pictures(image)
        if not images:
            raise ValueError("expected an image or several, found none")
        whole = self.sight.turn(images, text)
        if len(whole) <= self.config.max_chunk_tokens or (len(images) == 1 and not text.strip()):
            return [whole]
        alone = [self.sight.turn([each]) for each in images]
        return [*alone, *(self.chunks(text) if text.strip() else ())]

    @torch.no_grad()
    def generate(self, chunks: Sequence[Chunk]) -> list[LoRA]:
        """One adapter per chunk of token ids, or turn with images, in order, without the bias adapter.

        Its rank is the hypernetwork's; with ``reader`` "anchors", as many rows as the chunk needs.
        """
        if any(not len(chunk) for chunk in chunks):
            raise ValueError(f"chunk {[len(chunk) for chunk in chunks].index(0)} holds no tokens")
        texts = [i for i, chunk in enumerate(chunks) if not isinstance(chunk, ImageTurn)]
        made: dict[int, LoRA] = {}
        for batch in by_length([len(chunks[i]) for i in texts], self.tokens_at_once, alike=_ALIKE):
            places = [texts[i] for i in batch]
            ids, mask = pad([chunks[i] for i in places], self.encoder.device)  # type: ignore[misc]  # texts
            made |= zip(places, self._generate(of_tokens(ids), ids, mask), strict=True)
        for place, chunk in enumerate(chunks):
            if isinstance(chunk, ImageTurn):
                made[place] = self._of_images(chunk)
        return [made[i] for i in range(len(chunks))]

    def require_own(self, lora: LoRA) -> None:
        """Raise ValueError for an adapter that ``generate`` cannot have made, damaged ones included."""
        c = self.config
        rows = c.max_chunk_tokens if c.reader == "tokens" else c.rank  # at most, of one chunk
        checks.require_own(lora, c, rows * c.max_chunks, c.written_layers or None)

    def unpack(self, data: bytes) -> LoRA:
        """An adapter of this hypernetwork as ``LoRA.to_bytes`` wrote it; of latents, expanded.

        Raises ValueError for bytes of any other origin, damaged ones included.
        """
        kept = latents.unpack(data)
        return LoRA.from_bytes(data) if kept is None else self.expand(kept)

    @torch.no_grad()
    def expand(self, kept: Latents) -> LoRA:
        """The adapter of stored latents, the same bit for bit each time, and as it was made of tokens.

        Raises ValueError for latents that this hypernetwork does not keep: of another width or vocabulary.
        """
        return expansion.expand(self.hypernetwork, self.encoder.get_input_embeddings().weight, kept)

    def combine(
        self, loras: Sequence[LoRA], weights: Sequence[float] | None = None, bias_weight: float = 1.0
    ) -> LoRA:
        """Adapters side by side on the rank dimension, and the bias adapter once, behind them.

        ``weights`` scale A only, so an adapter's effect is linear in its weight; ``bias_weight`` scales A and
        B of the bias adapter, so its effect goes with the square, as in the published code.
        """
        if not loras:
            raise ValueError("cannot combine no adapters at all")
        if weights is not None and len(weights) != len(loras):
            raise ValueError(f"expected a weight per adapter, found {len(weights)} for {len(loras)}")
        bias = self.bias.scaled(bias_weight)
        bias = replace(bias, B={m: b * bias_weight for m, b in bias.B.items()})
        parts = [lora.to(self.base_model.device) for lora in loras]
        if weights is not None:
            parts = [part.scaled(weight) for part, weight in zip(parts, weights, strict=True)]
        return LoRA.concat([*parts, bias])

    def _of_images(self, seen: ImageTurn) -> LoRA:
        """The adapter of a turn with images; alone in its batch, for images attend as their model wants."""
        if isinstance(self.hypernetwork, TokenHypernetwork):
            raise ValueError("the hypernetwork keeps a row for each token of a text: it cannot keep images")
        ids, mask = pad([seen.ids], self.encoder.device)
        made = self._generate(self.sight.feed(seen), ids, mask)[0]
        images_have_no_ids = self.config.reader == "anchors"
        return replace(made, latents=None) if images_have_no_ids else made

    def _generate(self, feed: Feed, ids: Tensor, mask: Tensor) -> list[LoRA]:
        """One adapter a chunk, for a batch of them: ids [C, T] and mask [C, T]."""
        if isinstance(self.hypernetwork, TokenHypernetwork):
            return [self.expand(kept) for kept in self._latents(self.hypernetwork, feed, ids, mask)]
        keep = None if bool(mask.all()) else mask
        if isinstance(self.hypernetwork, Hypernetwork):
            return self._of_rows(self.hypernetwork, self._rows(self.hypernetwork, feed, keep))
        features = encode(self.encoder.get_decoder(), self.config, feed)
        return self._of_anchors(self.hypernetwork, features, ids, keep)

    def _of_rows(self, network: Hypernetwork, rows: Tensor) -> list[LoRA]:
        """The adapters of latents [C, L, M, R, D], each with what int8 keeps of it."""
        factors = network.heads.expand(rows)
        return [
            replace(expansion.one(factors, i, self.config), latents=expansion.rows_kept(row))
            for i, row in enumerate(rows)
        ]

    def _of_anchors(
        self, network: AnchoredHypernetwork, features: Tensor, ids: Tensor, keep: Tensor | None
    ) -> list[LoRA]:
        """The adapters of features [C, 1, T, F] of ids [C, T], each with what int8 keeps of it."""
        made: list[LoRA] = []
        for found, spoken in network.spoken(features, keep, self.tokens_at_once):
            factors, first = network.factors(found, spoken), len(made)
            made += [
                replace(
                    expansion.one(factors, i, self.config).compact(),
                    latents=expansion.anchors_kept(found, spoken, ids[first:], i),
                )
                for i in range(len(spoken))
            ]
        return made

    def _latents(self, network: TokenHypernetwork, feed: Feed, ids: Tensor, mask: Tensor) -> list[Latents]:
        """What is kept of each chunk: of the tokens of its text, not of the template around it."""
        features, keep = self._text_alone(encode(self.encoder.get_decoder(), self.config, feed), mask)
        made = network.latents(features, keep)
        opening, _ = self._affixes
        lengths = keep.sum(1).tolist()
        return [
            Latents.of(made[row, :length], ids[row, opening : opening + length])
            for row, length in enumerate(lengths)
        ]

    def _rows(self, network: Hypernetwork, feed: Feed, keep: Tensor | None) -> Tensor:
        """What the heads make factors of, for a batch of chunks [C, L, M, R, D]."""
        decoder = self.encoder.get_decoder()
        if not (self.layer_by_layer and self.config.feature_kind == "per_layer"):
            return network.latents(encode(decoder, self.config, feed), keep, self.tokens_at_once)
        rows: list[Tensor] = []
        visit_features(decoder, self.config, feed, lambda feature: rows.append(network.embed(feature, keep)))
        return network.kept(torch.stack(rows, dim=1).flatten(0, 1))

    def _text_alone(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Features [C, 1, T, F] and mask [C, T] without the tokens of the chat template."""
        opening, closing = self._affixes
        keep = mask[:, opening:]
        ends = keep.sum(1, keepdim=True) - closing
        keep = torch.arange(keep.size(1), device=mask.device) < ends
        longest = int(ends.max())
        return features[:, :, opening : opening + longest], keep[:, :longest]

    @cached_property
    def _affixes(self) -> tuple[int, int]:
        """How many tokens of the chat template open and close every chunk."""
        system = self.config.context_system_turn
        opening, closing = affixes(self.context_tokenizer, system_turn=system)
        return len(opening), len(closing)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """The hypernetwork at a file, folder or hub id, in the published layout or ours."""
    where = locate.checkpoint_path(path)
    folder = where if where.is_dir() else where.parent
    if (folder / checkpoint.CONFIG).is_file() and where.suffix != ".bin":
        return checkpoint.load(folder)
    file = published.find(where)
    if file is None:
        raise FileNotFoundError(
            f"no hypernetwork in {where}: neither {checkpoint.CONFIG} nor {published.FILE}"
        )
    return published.load(file)


def _tokenizer(name: str, config: HypernetConfig) -> PreTrainedTokenizerBase:
    tokenizer = bases.load_tokenizer(name)
    if config.context_system_turn:
        use_trained_template(tokenizer, name)
    return tokenizer
