"""Where compiled kernels are kept, and that they work where they cannot be."""

from __future__ import annotations

import subprocess
import sys

import numba
import pytest

from synthmatch import compiling

OFFSET = 0
PLAY = """
import sys
from numba.core.caching import CacheImpl
CacheImpl._locator_classes = []
import numpy as np
from synthmatch import Note, load_synth
synth = load_synth(sys.argv[1])
sound = synth.render(synth.space.decode(synth.space.encode({})), Note(60, 100, 0.1, 0.1), 16_384)
assert np.isfinite(sound).all() and np.abs(sound).max() > 0
"""


def add_offset(x):
    return x + OFFSET


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def test_what_is_kept_is_found_by_the_digest_of_the_sources(cache, monkeypatch):
    """What a function takes from elsewhere is no part of numba's own key."""
    for digest, offset, expected in (("a", 10, 10), ("a", 20, 10), ("b", 20, 20)):
        monkeypatch.setitem(globals(), "OFFSET", offset)
        monkeypatch.setattr(compiling, "source_digest", lambda folder, digest=digest: digest)
        assert compiling.kernel("int64(int64)")(add_offset)(0) == expected
    assert len(list(cache.rglob("*.nbc"))) == 2


def test_a_full_disk_does_not_matter(cache, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", refuse)
    assert compiling.kernel("int64(int64)")(add_offset)(4) == 4 + OFFSET


def test_the_digest_sees_every_source(tmp_path):
    (tmp_path / "a.py").write_text("A = 1")
    (tmp_path / "b.py").write_text("B = 1")
    first = compiling.source_digest(tmp_path)
    assert compiling.source_digest(tmp_path) == first
    (tmp_path / "b.py").write_text("B = 2")
    assert compiling.source_digest(tmp_path) != first


@pytest.mark.parametrize("synth", ["tal", "massive"])
def test_engines_play_where_no_folder_for_their_code_can_be_written(synth):
    done = subprocess.run(
        [sys.executable, "-c", PLAY, synth], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
