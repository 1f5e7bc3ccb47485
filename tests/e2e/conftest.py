"""What tests of live servers share."""

from pathlib import Path

import pytest

from tests.workspaces import written


@pytest.fixture(scope="module")
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that holds the ``FILES`` of the test module."""
    return written(tmp_path_factory.mktemp("workspace"), request.module.FILES)
