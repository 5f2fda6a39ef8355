"""Settings: defaults, the TOML file, options and --set, in this order, each refused clearly when wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

import pytest

from desire_edge.errors import DesireEdgeError
from desire_edge.training.config import (
    DEFAULT_RECIPE,
    RECIPES,
    Protocol,
    TrainConfig,
    load_config,
    parse_config,
)


def test_defaults_are_the_documented_ones() -> None:
    config = load_config()
    assert config.protocol == "example-disjoint"
    assert config.lexicon.sources is None  # those that suit the backbone
    assert config.meta.ways == (2, 10)


def test_later_layers_win(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("seed = 1\n[meta]\nbatches = 10\nways = [2, 3]\n[extractor]\nhidden = [64]\n")
    config = load_config(file, ["meta.batches=30", "data=my.jsonl"], {"seed": 2})
    assert (config.seed, config.meta.batches, config.meta.ways) == (2, 30, (2, 3))
    assert config.extractor.hidden == (64,)
    assert config.data == "my.jsonl"


def test_what_is_saved_reads_back_the_same() -> None:
    config = load_config(None, ["meta.ways=[2, 3]", "lexicon.words=100"])
    assert parse_config(config.model_dump(mode="json"), "it") == config


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("meta.batchs=3", "meta.batchs"),
        ("meta.batches=0", "meta.batches"),
        ("meta.batches=many", "meta.batches"),
        ("extractor.dropout=1.0", "extractor.dropout"),
        ("meta.learning_rate=inf", "meta.learning_rate"),
        ("meta=3", "meta"),
        ("meta.batches", "meta.batches"),
        ("protocol=mine", "protocol"),
        ("meta.ways=[5]", "meta.ways"),
        ("meta.ways=[9, 5]", "meta.ways"),
        ("meta.folds=-1", "meta.folds"),
        ("meta.known_labels=1.5", "meta.known_labels"),
        ("meta.inner_steps=65", "meta.inner_steps"),
        ("label_sizes=[60, 15]", "label_sizes"),
        ("label_sizes=[60, 15, 0]", "label_sizes"),
    ],
)
def test_a_wrong_setting_is_named(override: str, named: str) -> None:
    with pytest.raises(DesireEdgeError, match=named):
        load_config(None, [override])


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("meta = [")
    with pytest.raises(DesireEdgeError, match=r"run\.toml is not valid TOML"):
        load_config(file)
    with pytest.raises(DesireEdgeError, match=r"cannot read .*none\.toml"):
        load_config(tmp_path / "none.toml")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TrainConfig().seed = 3


def test_the_example_file_names_every_setting_with_its_default() -> None:
    path = Path(__file__).parents[2] / "examples" / "train.toml"
    assert load_config(path) == TrainConfig()
    text = path.read_text(encoding="utf-8")
    for without_a_default in (
        *("sources", "words", "label_sizes", "base_labels", "novel_labels"),
        *("test", "file", "vector", "group", "split"),
        *("hidden", "image_size", "image_mean", "image_std", "image_crop"),
    ):
        text = text.replace(f"\n# {without_a_default} = ", f"\n{without_a_default} = ", 1)
    settings = tomllib.loads(text)
    parse_config(settings, "the example with what has no default")
    names = TrainConfig().model_dump()
    assert settings.keys() == names.keys()
    assert all(
        settings[name].keys() == values.keys() for name, values in names.items() if isinstance(values, dict)
    )


PROTOCOL = pytest.mark.parametrize("protocol", get_args(Protocol))


@PROTOCOL
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_the_defaults_with_its_own_values_laid_over(recipe: str, protocol: str) -> None:
    config = load_config(None, (), {"protocol": protocol}, recipe)
    expected = TrainConfig().model_dump(mode="json") | {"protocol": protocol}
    for section, settings in RECIPES[recipe].get(protocol, {}).items():
        expected[section] = expected[section] | settings if isinstance(settings, dict) else settings
    assert config.model_dump(mode="json") == expected
    assert (config == load_config(None, (), {"protocol": protocol})) == (recipe == DEFAULT_RECIPE)


@PROTOCOL
def test_the_papers_recipe_has_none_of_what_this_project_adds(protocol: str) -> None:
    config = load_config(None, (), {"protocol": protocol}, "paper")
    assert not config.extractor.label_bias
    assert not config.meta.learn_step_sizes
    assert (config.meta.folds, config.meta.known_labels) == (0, 0)
    assert (config.meta.zero_shot_weight, config.meta.multi_step_weight) == (0, 0)


def test_a_recipe_depends_on_the_protocol_however_that_is_given(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('protocol = "label-disjoint"\n')
    expected = load_config(None, (), {"protocol": "label-disjoint"}, "best")
    assert load_config(file, recipe="best") == expected
    assert load_config(None, ["protocol=label-disjoint"], recipe="best") == expected
    assert load_config(recipe="best").model_copy(update={"protocol": "label-disjoint"}) != expected


def test_file_options_and_overrides_win_over_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[meta]\nfolds = 3\ninner_steps = 4\n[extractor]\nlabel_bias = true\n")
    config = load_config(file, ["meta.folds=2"], {"meta": {"zero_shot_weight": 0.5}}, "paper")
    assert (config.meta.folds, config.meta.inner_steps, config.meta.zero_shot_weight) == (2, 4, 0.5)
    assert config.extractor.label_bias
    assert not config.meta.learn_step_sizes


def test_laying_settings_over_a_recipe_does_not_change_it() -> None:
    before = load_config(recipe="paper")
    load_config(None, ["meta.folds=2", "extractor.label_bias=true"], recipe="paper")
    assert load_config(recipe="paper") == before


def test_an_unknown_recipe_is_an_error_that_names_the_choices() -> None:
    with pytest.raises(DesireEdgeError, match="there is no recipe 'worst'; choose from prior, best, paper"):
        load_config(recipe="worst")


def test_label_weights_of_a_folds_own_are_refused() -> None:
    with pytest.raises(DesireEdgeError, match=r"set meta\.folds=0 beside extractor\.label_weights=learned"):
        load_config(None, ("extractor.label_weights=learned",))
    assert load_config(None, ("extractor.label_weights=learned", "meta.folds=0")).meta.folds == 0
