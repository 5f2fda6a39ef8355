"""What several tests of training share: a run of the sample corpus that nothing interrupted."""

from __future__ import annotations

import pytest
import torch
from training.cases import small_config, train

from desire_edge.training.run import Run


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Finished; nobody changes it."""
    run = Run.create(tmp_path_factory.mktemp("run") / "unbroken", small_config(), torch.device("cpu"))
    train(run)
    return run
