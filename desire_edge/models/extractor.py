"""F, the semantic-aware feature extractor."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from desire_edge.models.backbones import Backbone
from desire_edge.models.norm import smooth_normalize


class Extractor(nn.Module):
    """F: x [batch, features] -> z [batch, d], a backbone and a projection into word-vector space.

    DESIRE-Net (Wang et al., AAAI 2021) trains it so that `z @ W_base` gives the logits of the base labels. With `Mlp`
    for a backbone it has 500-1000-1000-d units by default, as in the authors' later SIN.

    Without a `dimension` there is no projection, and nothing to pre-train. `centred` says that `forward` gives what the
    head `prior` has for features: the backbone's at unit length, less `centre`, at unit length again. A projection is
    then only what the backbone is trained through.

    `idf` [words], where given, weighs the last so many of x, which say what words a text has. They are a second part of
    z, as long as the first and likewise centred; the backbone takes the first `backbone.features` of x, which may be
    words, too.
    """

    centre: Tensor | None
    idf: Tensor | None

    def __init__(
        self, backbone: Backbone, dimension: int | None, *, centred: bool = False, idf: Tensor | None = None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.dimension = backbone.width if centred or dimension is None else dimension
        self.projection = nn.Identity() if dimension is None else nn.Linear(backbone.width, dimension)
        self.register_buffer("idf", idf)
        if idf is not None:
            assert centred, "words are beside features of the head `prior`"
            self.dimension += len(idf)
        self.register_buffer("centre", torch.zeros(self.dimension) if centred else None)
        self.register_load_state_dict_pre_hook(_with_todays_names)  # type: ignore[no-untyped-call]

    @property
    def words(self) -> int:
        """How many of z's last numbers are of words; 0 where none are."""
        return 0 if self.idf is None else len(self.idf)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, features] float32 -> z [batch, d] float32."""
        if self.centre is None:
            return self.projected(x)
        found = self.backbone(self._dense(x))
        if self.idf is not None:
            found = torch.cat([found, x[:, -len(self.idf) :] * self.idf], dim=1)
        return centred(found, self.centre, self.words)

    def projected(self, x: Tensor) -> Tensor:
        """z as the projection leaves it, [batch, d]: what pre-training sees."""
        z: Tensor = self.projection(self.backbone(self._dense(x)))
        return z

    def _dense(self, x: Tensor) -> Tensor:
        return x if x.shape[-1] == self.backbone.features else x[..., : self.backbone.features]

    def drop_words(self) -> None:
        """Leave the words out of z."""
        assert self.centre is not None, "words are beside features of the head `prior`"
        self.dimension -= self.words
        self.centre, self.idf = self.centre[: self.dimension].clone(), None


WORDS_SHARE = 0.35
"""Of z's square length."""


def parts_of(z: Tensor, words: int) -> list[Tensor]:
    """z [..., d] without its last `words` numbers, and these, if there are any; each at unit length."""
    return [smooth_normalize(part) for part in _split(z, words)]


def centred(z: Tensor, centre: Tensor, words: int) -> Tensor:
    """z [..., d] at unit length, less `centre` [d], at unit length again; with words, each part of `parts_of` is."""
    pairs = zip(parts_of(z, words), _split(centre, words), strict=True)
    parts = [smooth_normalize(part - mean) for part, mean in pairs]
    if not words:
        return parts[0]
    return torch.cat([parts[0] * (1 - WORDS_SHARE) ** 0.5, parts[1] * WORDS_SHARE**0.5], dim=-1)


def _split(z: Tensor, words: int) -> tuple[Tensor, ...]:
    # Slices, and no `torch.split`: in ONNX that makes a sequence, of which no reader knows the shapes.
    return (z[..., :-words], z[..., -words:]) if words else (z,)


def _with_todays_names(extractor: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Rename tensors saved by version 0.3, whose `layers` held the backbone's and, last of all, the projection."""
    earlier = [name for name in state if name.startswith((f"{prefix}layers.", f"{prefix}embedding"))]
    layers = [int(name.split(".")[prefix.count(".") + 1]) for name in earlier if "layers" in name]
    projection = f"{prefix}layers.{max(layers, default=0)}."
    for name in earlier:
        if name.startswith(projection):
            state[f"{prefix}projection.{name.removeprefix(projection)}"] = state.pop(name)
        else:
            state[f"{prefix}backbone.{name.removeprefix(prefix)}"] = state.pop(name)


@torch.no_grad()
def extract(extractor: Extractor, x: NDArray[np.float32], batch: int = 4096) -> Tensor:
    """z [rows, d] of all rows x [rows, features], without dropout; a batch at a time goes to the extractor's device."""
    extractor.eval()
    device = next(iter(extractor.state_dict().values())).device
    parts = (x[start : start + batch] for start in range(0, len(x), batch))
    return torch.cat([extractor(torch.from_numpy(part).to(device)) for part in parts])


def turned_extractor(extractor: Extractor, axes: NDArray[np.float64]) -> Extractor:
    """The extractor of z U, for an orthogonal U [d, d]."""
    turned = copy.deepcopy(extractor)
    projection = turned.projection
    assert isinstance(projection, nn.Linear), "the head that a turn suits has a projection"
    with torch.no_grad():
        for parameter in (projection.weight, projection.bias):  # [d, width] and [d]
            parameter.copy_(torch.from_numpy(axes.T @ parameter.double().numpy()))
    return turned
