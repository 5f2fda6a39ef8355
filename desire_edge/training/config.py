"""Every setting of a training run, in one typed, immutable, serialisable place."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Columns


def _ascending(values: tuple[int, int]) -> tuple[int, int]:
    if values[0] > values[1]:
        raise ValueError("give the smaller number first")
    return values


def _backbone(name: str) -> str:
    if name not in BACKBONES and not any(
        name.startswith(prefix) and name != prefix for prefix in BACKBONE_PREFIXES
    ):
        choices = ", ".join((*BACKBONES, *(prefix + what for prefix, what in BACKBONE_PREFIXES.items())))
        raise ValueError(f"no backbone is called {name!r}; use one of {choices}")
    return name


DEFAULT_HIDDEN = (1000, 1000)  # of an MLP of which all is trained
BACKBONES = ("auto", "mlp", "words", "identity", "minilm", "efficientnet-lite0")
BACKBONE_PREFIXES = {"onnx:": "FILE", "module:": "PKG.Class"}
Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Range = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
Protocol = Literal["label-disjoint", "example-disjoint", "streaming"]
HeadKind = Literal["paper", "prior"]
Maps = Literal["off", "auto"]
Words = Literal["off", "auto", "on"]


class Section(BaseModel):
    """A part of the configuration: unknown settings and wrong types are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LexiconConfig(Section):
    """Where label vectors come from; see `desire_edge.lexicon`. Without `sources`, whatever suits the backbone."""

    sources: tuple[str, ...] | None = None
    max_mb: Annotated[float, Field(gt=0)] = 16
    words: Positive | None = None


class ColumnsConfig(Section):
    """Which columns of the user's own files hold what; see `desire_edge.inputs.Columns`. What is not named is found."""

    text: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    label_separator: Annotated[str, Field(min_length=1)] = ";"
    file: str | None = None
    vector: str | None = None
    group: str | None = None
    split: str | None = None

    def columns(self) -> Columns:
        """The same as readers take it."""
        return Columns(**self.model_dump())


class TextConfig(Section):
    """Bag-of-words features of raw text; not used by data sets that come as vectors."""

    vocabulary: Positive = 8000


class ExtractorConfig(Section):
    """F and its semantic pre-training.

    `backbone` is what comes before the part that is trained, of which `hidden` are the layers: none where the backbone
    is pretrained, unless something is said. `projection` is what comes last: `learned` on the base labels, or the
    `identity`, for a backbone whose names live in the space of its features. `image_*` are how pixels become the input
    of a backbone that does not say it itself: the side of a square, and (v − mean) / std of v from 0 to 255.
    `train_backbone` tunes a pretrained one on the base labels first, `backbone_epochs` times over the training rows.
    """

    backbone: Annotated[str, AfterValidator(_backbone)] = "auto"
    projection: Literal["auto", "learned", "identity"] = "auto"
    image_size: Annotated[int, Field(ge=1, le=4096)] | None = None
    image_mean: tuple[float, float, float] | None = None
    image_std: tuple[Rate, Rate, Rate] | None = None
    image_crop: Annotated[float, Field(gt=0, le=1)] | None = None
    train_backbone: bool = False
    backbone_epochs: Positive = 2
    backbone_learning_rate: Rate = 2e-5
    hidden: tuple[Positive, ...] | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    input_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    epochs: Positive = 20
    batch: Positive = 64
    learning_rate: Rate = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    label_bias: bool = True
    label_weights: Literal["vectors", "learned"] = "vectors"


class MetaConfig(Section):
    """The inference head and its meta-training: each batch draws `episodes` episodes of one size."""

    hidden: Positive = 300
    batches: Positive = 600
    episodes: Positive = 10
    ways: Range = (2, 10)
    shots: Range = (1, 5)
    queries: Positive = 5
    inner_steps: Annotated[int, Field(ge=0, le=64)] = 8
    step_size: Rate = 0.2
    learn_step_sizes: bool = True
    learning_rate: Rate = 1e-3
    step_size_learning_rate: Rate = 1e-2
    zero_shot_weight: Fraction = 0.2
    multi_step_weight: Fraction = 0.1
    gradient_clip: Rate = 1.0
    known_labels: Fraction = 0.0
    folds: Annotated[int, Field(ge=0, le=20)] = 4


class TrainConfig(Section):
    """One training run.

    `protocol` decides which rows F and the training episodes see; `hold_out` keeps 15 % of the training rows out,
    for choosing settings on the validation labels. `label_sizes` are the numbers of base, validation and novel labels;
    `base_labels` and `novel_labels` name them, and count first. `test` is the file of the test part, if it is one of
    its own. `head` is what learns on the device: `paper` by gradient steps; `prior` by a kernel, of which `meta` says
    no more than what its thresholds are learned on, and its folds. `maps` meta-learns residuals of that
    head's W_I and W_Z: `auto` keeps them where they pay on the validation labels. `words` makes the words of a text
    features of that head, beside the backbone's: `auto` where they pay on the validation labels.
    """

    data: str = "auto"
    test: str | None = None
    protocol: Protocol = "example-disjoint"
    hold_out: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    head: HeadKind = "prior"
    maps: Maps = "auto"
    words: Words = "auto"
    label_sizes: tuple[Positive, Positive, Positive] | None = None
    base_labels: tuple[str, ...] | None = None
    novel_labels: tuple[str, ...] | None = None
    validate_every: Positive = 100
    validation_tasks: Positive = 100
    columns: ColumnsConfig = ColumnsConfig()
    lexicon: LexiconConfig = LexiconConfig()
    text: TextConfig = TextConfig()
    extractor: ExtractorConfig = ExtractorConfig()
    meta: MetaConfig = MetaConfig()

    @model_validator(mode="after")
    def _one_w_base(self) -> Self:
        if self.extractor.label_weights == "learned" and self.meta.folds:
            raise ValueError(
                "label weights that every fold's F learns for itself do not fit one head; "
                "set meta.folds=0 beside extractor.label_weights=learned"
            )
        return self


BRIEFLY = {"epochs": 12, "batch": 256, "learning_rate": 1.5e-3, "dropout": 0.3, "input_dropout": 0.0}
"""How F is trained before the head `prior` where it is to meet new examples: it over-fits soon."""
RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    "prior": {
        **{protocol: {"extractor": BRIEFLY} for protocol in ("example-disjoint", "streaming")},
        "label-disjoint": {"extractor": {"input_dropout": 0.0, "dropout": 0.0, "epochs": 40}},
    },
    "best": {
        "label-disjoint": {
            "head": "paper",
            "extractor": {"input_dropout": 0.0, "dropout": 0.0, "epochs": 40, "label_weights": "learned"},
            "meta": {"folds": 0},
        },
        "example-disjoint": {"head": "paper"},
        "streaming": {"head": "paper"},
    },
    "paper": {
        protocol: {
            "head": "paper",
            "extractor": {"backbone": "mlp", "label_bias": False, "input_dropout": 0.0},
            "meta": {
                "inner_steps": 3,
                "learn_step_sizes": False,
                "zero_shot_weight": 0.0,
                "multi_step_weight": 0.0,
                "folds": 0,
            },
        }
        for protocol in get_args(Protocol)
    },
}
"""Named settings by protocol, laid over the defaults: the head `prior`; of the paper's head the best that validation
found, and the paper's own."""
DEFAULT_RECIPE = "prior"


def load_config(
    file: Path | None = None,
    overrides: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
    recipe: str = DEFAULT_RECIPE,
) -> TrainConfig:
    """Defaults, then the `recipe`, then the TOML `file`, then `options`, then `section.name=value` strings.

    Raises:
        DesireEdgeError: an unknown recipe or setting, a value of the wrong type or out of range, or a file that is not
            TOML.
    """
    if recipe not in RECIPES:
        raise DesireEdgeError(f"there is no recipe '{recipe}'; choose from {', '.join(RECIPES)}")
    given: dict[str, Any] = {}
    if file is not None:
        try:
            merge(given, tomllib.loads(file.read_text(encoding="utf-8")))
        except OSError as error:
            raise DesireEdgeError(f"cannot read {file}: {error.strerror or error}") from error
        except ValueError as error:
            raise DesireEdgeError(f"{file} is not valid TOML: {error}") from error
    merge(given, options or {})
    for override in overrides:
        name, equals, value = override.partition("=")
        if not equals or not name.strip():
            raise DesireEdgeError(
                f"'{override}' is not a setting; write section.name=value, as in meta.batches=500"
            )
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value.strip()
        for part in reversed(name.strip().split(".")):
            parsed = {part: parsed}
        merge(given, parsed)
    settings: dict[str, Any] = {}
    protocol = given.get("protocol", TrainConfig.model_fields["protocol"].default)
    merge(settings, RECIPES[recipe].get(protocol, {}) if isinstance(protocol, str) else {})
    merge(settings, given)
    return parse_config(settings, "the training settings")


def parse_config(settings: Any, where: str) -> TrainConfig:
    """`settings` as a `TrainConfig`; every problem found is named, with its place."""
    try:
        return TrainConfig.model_validate(settings)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'all'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise DesireEdgeError(f"{where} cannot be used: {problems}") from error


def merge(into: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Lay the nested mapping `extra` over `into`, section by section."""
    for name, value in extra.items():
        if isinstance(value, Mapping):
            section = into.setdefault(name, {})
            if isinstance(section, dict):
                merge(section, value)
                continue
        into[name] = value
