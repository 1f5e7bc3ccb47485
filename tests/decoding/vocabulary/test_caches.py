"""Arrays that are kept up to a number of bytes."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from decoding.vocabulary.caches import ArrayCache


def test_what_was_not_used_for_longest_goes_first() -> None:
    """And is found again."""
    cache = ArrayCache(2_500)
    arrays = [np.zeros(100, np.int64) for _ in range(3)]  # 1,200 bytes each, with the entry
    for key in (0, 1, 0, 2):
        assert cache.get(key, lambda key=key: arrays[key]) is arrays[key]  # type: ignore[misc]

    assert cache.get(0, lambda: None) is arrays[0]
    assert cache.get(1, lambda: arrays[2]) is arrays[2]
    assert cache.size_bytes <= 2_500


def test_what_is_larger_than_all_is_not_kept() -> None:
    """It is handed over all the same."""
    cache = ArrayCache(1_000)
    array = np.zeros(1_000)

    assert cache.get("key", lambda: array) is array
    assert cache.size_bytes == 0


def test_threads_may_share_it() -> None:
    """While it overflows all the time, each gets its own key's array."""
    arrays = [np.full(4, number) for number in range(50)]
    cache = ArrayCache(10 * 450)

    def look(seed: int) -> bool:
        keys = np.random.default_rng(seed).integers(0, 50, 4_000).tolist()
        return all(cache.get(key, lambda key=key: arrays[key])[0] == key for key in keys)  # type: ignore[misc]

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(look, range(16)))
    finally:
        sys.setswitchinterval(interval_s)
    assert cache.size_bytes <= 10 * 450
