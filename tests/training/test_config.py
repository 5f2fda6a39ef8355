"""Settings: defaults, the TOML file, options and --set, in this order, each refused clearly when wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from desire_edge.errors import DesireEdgeError
from desire_edge.training.config import TrainConfig, load_config, parse_config


def test_defaults_are_the_documented_ones() -> None:
    config = load_config()
    assert config.protocol == "example-disjoint"
    assert config.lexicon.sources == ("glove-50", "spacy-md")
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
    settings = tomllib.loads(path.read_text(encoding="utf-8").replace("\n# words", "\nwords"))
    names = TrainConfig().model_dump()
    assert settings.keys() == names.keys()
    assert all(
        settings[name].keys() == values.keys() for name, values in names.items() if isinstance(values, dict)
    )
