"""Figures on record outlive settings that come later, and none that say something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.plan import BEST, KNOWN, PRIOR, Job, Plan, Setting
from desire_edge.evaluation.comparison.settings import LATER, settings_of
from desire_edge.training.config import TrainConfig, merge, parse_config

RECORD = Path(__file__).parents[3] / "benchmarks" / "results" / "table1.json"


def test_the_figures_of_the_papers_head_on_record_are_of_today_s_settings() -> None:
    kept = Kept(Path("nowhere"), Plan(), record=json.loads(RECORD.read_bytes()))
    rows = {job.row for job in kept.plan.jobs() if not kept.recorded(job)}
    assert not {row for row in rows if row.partition(" ")[0] in (BEST, KNOWN, "desire-net", "maml")}


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({}, False),
        ({"head": "prior"}, True),
        ({"base_labels": ["a"]}, True),
        ({"extractor": {"backbone": "words"}}, True),
        ({"extractor": {"image_size": 32}}, True),
        ({"extractor": {"epochs": 3}}, True),
    ],
)
def test_a_setting_counts_where_it_says_something_new(changed: dict[str, object], shown: bool) -> None:
    config = Plan().recipe_config(Job(BEST, Setting("example-disjoint", 0), ()))
    given = config.model_dump(mode="json")
    merge(given, changed)
    assert (settings_of(parse_config(given, "here")) != settings_of(config)) == shown


def test_a_run_of_the_head_prior_has_all_settings() -> None:
    config = Plan().recipe_config(Job(PRIOR, Setting("example-disjoint", 0), ()))
    assert config.head == "prior"
    assert settings_of(config) == config.model_dump(mode="json")


def test_settings_that_came_later_are_settings() -> None:
    assert set(LATER[""]) <= set(TrainConfig.model_fields)
    assert set(LATER["extractor"]) <= set(type(TrainConfig().extractor).model_fields)
