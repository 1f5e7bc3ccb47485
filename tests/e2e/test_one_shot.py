"""A single completion with a server that nobody has started yet: every live server guides it.

The default deadline of one answer is 1 s; starting, and the first look at the project and the
file, take several seconds and do not count.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

import mgd
from lsp_bridge import ServerPool
from tests.servers import SAMPLES, require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@cache
def model() -> tuple[Any, Any]:
    """The bundled model and its tokenizer."""
    return mgd.load_model(mgd.BUNDLED_MODEL)


@pytest.mark.parametrize("server", SAMPLES)
def test_a_single_completion_is_guided(tmp_path: Path, server: str) -> None:
    """Behind the operator of the first dereference that the server ever sees."""
    require(server)
    path = SAMPLES[server].write(tmp_path)
    before = SAMPLES[server].text.replace("{n}", "").partition("‸")[0]
    position = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    with ServerPool(tmp_path) as pool:
        result = mgd.generate(
            *model(), path, position, tmp_path, server=server, max_new_tokens=4, pool=pool
        )

    assert result.stats.constrained >= 1, result.stats
    assert not result.stats.fail_open, result.stats
