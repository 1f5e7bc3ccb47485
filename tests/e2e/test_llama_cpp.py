"""llama.cpp with a live server: no name is invented, from Python and on the command line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mgd
from evaluation.invented import invented_names
from lsp_bridge import ServerPool
from tests import tokenizers
from tests.ggufs import llama_cpp, load, written
from tests.servers import require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

FILES = {
    "pyproject.toml": "[project]\nname = 'shop'\n",
    "shop/orders.py": """\
class Order:
    def __init__(self) -> None:
        self.items = [3, 4]

    def get_total_price(self) -> int:
        return sum(self.items)
""",
    "shop/bill.py": """\
from shop.orders import Order


def bill(order: Order) -> int:
    result = order.get
    return result
""",
}
PLACE = (5, 23)
"""Behind ``order.get``."""


@pytest.fixture(scope="module")
def pool(root: Path) -> Iterator[ServerPool]:
    """Pyrefly in the workspace."""
    require("pyrefly")
    with mgd.open_pool(root) as opened:
        yield opened


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model."""
    return written(tmp_path_factory.mktemp("model") / "random.gguf", tokenizers.byte_level(None))


def liking(llm: Any, *texts: str) -> Any:
    """A processor that makes tokens likely."""
    found = (llm.tokenize(text.encode(), add_bos=False) for text in texts)
    ids = np.unique([ids for ids in found if len(ids) == 1])

    def like(_: Any, scores: Any) -> Any:
        scores = scores.copy()
        scores[ids] += 16
        return scores

    return like


def test_no_name_is_invented(file: Path, pool: ServerPool, root: Path) -> None:
    """By a model that likes dots; every sequence, judged by the server itself."""
    llm = load(file)
    eager = liking(llm, ".", " order", " =", "\n", "items", "append", " result")
    result = mgd.generate(
        llm,
        None,
        path=root / "shop/bill.py",
        position=PLACE,
        pool=pool,
        max_new_tokens=60,
        temperature=1.0,
        seed=1,
        deadline_s=20.0,
        num_return_sequences=4,
        logits_processor=[eager],
    )

    assert result.stats.constrained > 2
    assert all(text.startswith("_total_price") for text in result.texts)
    for text in result.texts:
        assert invented_names(root / "shop/bill.py", PLACE, text, root, pool=pool) == []


def test_a_file_is_completed_on_the_command_line(file: Path, root: Path) -> None:
    """The engine follows from the model's name."""
    require("pyrefly")
    place = f"{root / 'shop/bill.py'}:{PLACE[0]}:{PLACE[1]}"
    command = [sys.executable, "-m", "mgd", "complete", place, "--model", str(file), "--json"]
    done = subprocess.run(
        [*command, "--until", "8 tokens", "--deadline-ms", "20000"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["text"].startswith("_total_price")
    assert shown["stats"]["constrained"] > 0
    assert llama_cpp.__version__
