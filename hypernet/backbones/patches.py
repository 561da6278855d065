"""A small image-text model: a patch encoder in front of a base model, whose words its tokens stand among.

Axes: N images, T tokens an image, H hidden width of the base, S side in pixels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hypernet.backbones.chunking import affixes, windows
from hypernet.backbones.encoder import Feed
from hypernet.backbones.sight import ImageTurn

if TYPE_CHECKING:
    from PIL.Image import Image

FORMAT = 1
SHARPNESS = 4.0  # words are about 2 apart: half way between two, a mixture has both alike
CERTAIN = -0.5  # summed log chances of an image's words; see docs/vision.md for what it lets through
CONFIG, WEIGHTS = "patches.json", "patches.safetensors"


@dataclass(frozen=True)
class PatchSizes:
    """What a patch encoder is made of; ``width`` is the base's hidden width.

    ``channels`` are those of the convolutions, which make one patch of 8 x 8 pixels.
    """

    width: int
    side: int = 56
    channels: tuple[int, int, int] = (64, 128, 192)
    layers: int = 2
    heads: int = 4

    @property
    def tokens(self) -> int:
        """How many tokens an image has, whatever its own size."""
        return (self.side // 8) ** 2


class PatchEncoder(nn.Module):
    """Images -> tokens for the base: convolutions down to patches, attention among these, and a projection.

    Each patch also gets the mean of all: what stands in a token's place depends on the whole picture.
    """

    def __init__(self, sizes: PatchSizes) -> None:
        super().__init__()
        self.sizes, d = sizes, sizes.channels[-1]
        low, middle, _ = sizes.channels
        self.embed = nn.Sequential(
            _seen(3, low, 4, 4), _seen(low, middle, 3, 1), _seen(middle, d, 3, 2), _seen(d, d, 3, 1)
        )
        self.place_embed = nn.Parameter(torch.randn(sizes.tokens, d) * 0.5)
        block = nn.TransformerEncoderLayer(
            d, sizes.heads, 2 * d, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, sizes.layers, nn.LayerNorm(d), enable_nested_tensor=False)
        self.projection = nn.Linear(d, sizes.width)

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels [N, 3, S, S] between -1 and 1 -> [N, T, H], in the place of embedded words."""
        patches = self.embed(pixels).flatten(2).mT  # [N, T, D]
        whole = patches.mean(1, keepdim=True)
        out: Tensor = self.projection(self.blocks(patches + whole + self.place_embed))
        return out

    def pixels(self, images: Sequence[Image]) -> Tensor:
        """RGB images of any size, each squeezed into the square that the encoder sees: [N, 3, S, S]."""
        side = (self.sizes.side, self.sizes.side)
        squares = np.stack([np.asarray(image.resize(side), np.float32) for image in images])
        return torch.from_numpy(squares).permute(0, 3, 1, 2) / 127.5 - 1


def _seen(before: int, behind: int, side: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, behind, side, stride, padding=side // 2 if stride < side else 0),
        nn.GroupNorm(8, behind),
        nn.GELU(),
    )


def save(encoder: PatchEncoder, folder: Path, base_fingerprint: str) -> None:
    """Write an encoder that was trained for the base with this fingerprint, in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {n: t.detach().to("cpu", torch.float16).contiguous() for n, t in encoder.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    described = {"format": FORMAT, "base": base_fingerprint, "sizes": asdict(encoder.sizes)}
    (folder / CONFIG).write_text(json.dumps(described, indent=2) + "\n")


def sizes_of(raw: dict[str, Any]) -> PatchSizes:
    return PatchSizes(**{**raw, "channels": tuple(raw["channels"])})


def load(folder: Path, base_fingerprint: str) -> PatchEncoder:
    """Read ``save``. Raises FileNotFoundError, and ValueError for another base or what is damaged."""
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(f"no image encoder in {folder}: {CONFIG} is missing")
    try:
        described = json.loads((folder / CONFIG).read_text())
        encoder = PatchEncoder(sizes_of(described["sizes"]))
        weights = {name: t.float() for name, t in load_file(folder / WEIGHTS).items()}
        encoder.load_state_dict(weights)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ValueError(f"the image encoder in {folder} is damaged: {error}") from error
    if described.get("base") != base_fingerprint:
        raise ValueError(f"the image encoder in {folder} was trained for another base model")
    return encoder.eval().requires_grad_(False)


class PatchSight:
    """The base with a patch encoder in front of it: the interface is ``Sight``'s."""

    def __init__(
        self,
        encoder: PatchEncoder,
        base: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        system_turn: bool = False,
    ) -> None:
        self.encoder, self.base, self.tokenizer = encoder.to(base.device), base, tokenizer
        self.system_turn = system_turn

    def turn(self, images: Sequence[Image], text: str = "") -> ImageTurn:
        opening, closing = affixes(self.tokenizer, system_turn=self.system_turn)
        said: list[int] = []
        if text.strip():
            (whole,) = windows(self.tokenizer, text, 0, system_turn=self.system_turn)
            said = whole[len(opening) : len(whole) - len(closing)]
        places = list(range(len(opening), len(opening) + len(images) * self.encoder.sizes.tokens))
        ids = [*opening, *[0] * len(places), *said, *closing]
        return ImageTurn(ids, {"pixels": self.encoder.pixels(images), "places": torch.tensor(places)})

    def feed(self, seen: ImageTurn) -> Feed:
        embedded = self.embed(seen)
        return lambda decoder: decoder(inputs_embeds=embedded, use_cache=False, output_hidden_states=False)

    def embed(self, seen: ImageTurn) -> Tensor:
        """[1, T, H]: words embedded, and the images' tokens in their places."""
        table: Any = self.base.get_input_embeddings()
        embedded: Tensor = table(torch.tensor([seen.ids], device=self.base.device))
        tokens = self.tokens(seen.inputs["pixels"]).flatten(0, 1)
        return embedded.index_copy(
            1, seen.inputs["places"].to(self.base.device), tokens[None].to(embedded.dtype)
        )

    @property
    def words(self) -> Tensor:
        """The base's embedded words, [V, H]."""
        table: Tensor = self.base.get_input_embeddings().weight
        return table.float()

    def tokens(self, pixels: Tensor) -> Tensor:
        """pixels [N, 3, S, S] -> mixtures of words [N, T, H]."""
        return among(self.encoder(pixels.to(self.base.device)), self.words)

    @torch.no_grad()
    def describe(self, image: Image) -> str:
        """The words that the image's tokens stand nearest to, up to the end of what they say."""
        tokens = self.encoder(self.encoder.pixels([image]).to(self.base.device))[0]
        ids = fits(tokens, self.words).argmax(-1).tolist()
        end = self.tokenizer.eos_token_id
        said: str = self.tokenizer.decode(ids[: ids.index(end)] if end in ids else ids)
        return said.strip()

    @torch.no_grad()
    def knows(self, image: Image) -> bool:
        """Whether nearly all tokens stand at one word: of what it was never shown they stand between many."""
        seen = self.encoder(self.encoder.pixels([image]).to(self.base.device))
        chances = fits(seen, self.words).softmax(-1).amax(-1)
        return float(chances.log().sum()) > CERTAIN


def fits(tokens: Tensor, words: Tensor) -> Tensor:
    """tokens [..., H] and embedded words [V, H] -> how near each word is, as logits [..., V]."""
    return SHARPNESS * (tokens @ words.T - words.square().sum(-1) / 2)


def among(tokens: Tensor, words: Tensor) -> Tensor:
    """Tokens [..., H] as mixtures of the base's words, the nearest foremost.

    What reads them next knows nothing but words: a token that stands beside them all is noise to it.
    """
    return fits(tokens, words).softmax(-1) @ words
