"""The byte-bounded cache."""

from __future__ import annotations

from memory.read.lru import ByteLRU


def test_the_least_used_leaves_when_the_bytes_are_full() -> None:
    """Reading counts as use."""
    cache: ByteLRU[str, int] = ByteLRU(10)
    cache.put("a", 1, 4)
    cache.put("b", 2, 4)
    assert cache.get("a") == 1
    cache.put("c", 3, 4)
    assert ("a" in cache, "b" in cache, "c" in cache, cache.nbytes) == (True, False, True, 8)


def test_a_value_put_again_counts_once() -> None:
    """The new value takes the place of the old."""
    cache: ByteLRU[str, int] = ByteLRU(10)
    cache.put("a", 1, 6)
    cache.put("a", 2, 7)
    assert (cache.get("a"), cache.nbytes, len(cache)) == (2, 7, 1)


def test_what_is_larger_than_all_is_not_kept() -> None:
    """It empties the cache rather than overfilling it."""
    cache: ByteLRU[str, int] = ByteLRU(10)
    cache.put("a", 1, 11)
    assert (cache.get("a"), cache.nbytes) == (None, 0)


def test_unwanted_keys_are_dropped() -> None:
    """Only those."""
    cache: ByteLRU[tuple[str, int], str] = ByteLRU(10)
    cache.put(("ana", 1), "x", 1)
    cache.put(("ben", 1), "y", 1)
    cache.drop(lambda key: key[0] == "ana")
    assert (("ana", 1) in cache, ("ben", 1) in cache, cache.nbytes) == (False, True, 1)
