"""What tests of the exported files share."""

from __future__ import annotations

import pytest
from trained import Trained


@pytest.fixture(
    scope="session", params=["sample", "known", pytest.param("delicious", marks=pytest.mark.delicious)]
)
def exported(request: pytest.FixtureRequest) -> Trained:
    """Each small model in turn, the one that uses known labels too."""
    model: Trained = request.getfixturevalue(f"{request.param}_trained")
    return model
