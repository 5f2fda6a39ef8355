"""What tests of the exported files share."""

from __future__ import annotations

import pytest
from trained import Trained


@pytest.fixture(
    scope="session",
    params=[
        "sample",
        "known",
        pytest.param("prior", marks=pytest.mark.slow),
        pytest.param("delicious", marks=pytest.mark.delicious),
    ],
)
def exported(request: pytest.FixtureRequest) -> Trained:
    """Each small model in turn, the one that uses known labels and that with the head `prior` too."""
    model: Trained = request.getfixturevalue(f"{request.param}_trained")
    return model
