"""Where the compiled engine is kept, and that it works where it cannot be."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import synthmatch_dexed
from synthmatch_dexed import compiling
from synthmatch_dexed.backends.embedded import render_voices
from synthmatch_dexed.voices import init_voice

PLAY = """
import hashlib, sys
import numba
import synthmatch_dexed
from synthmatch_dexed.backends.embedded import render_voices
from synthmatch_dexed.voices import init_voice
assert synthmatch_dexed.__file__.startswith(sys.argv[1])
assert not numba.config.CACHE_DIR
print(hashlib.sha256(render_voices([init_voice()]).tobytes()).hexdigest())
"""
OFFSET = 0


def test_it_plays_where_nothing_can_be_kept(tmp_path):
    """No folder is writable, neither beside the sources nor in the home: files are in the way."""
    source = Path(synthmatch_dexed.__file__).parent
    copy = tmp_path / "synthmatch_dexed"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        (folder / "__pycache__").touch()
    (tmp_path / "home").touch()
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment |= dict.fromkeys(("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"), str(tmp_path / "home"))
    paths = [str(tmp_path), *sys.path]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    command = [sys.executable, "-W", "error", "-c", PLAY, str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    here = hashlib.sha256(render_voices([init_voice()]).tobytes()).hexdigest()
    assert done.stdout.strip() == here


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
        assert compiling.compiled_now("int64(int64)")(add_offset)(0) == expected
    assert len(list(cache.rglob("*.nbc"))) == 2


def test_a_full_disk_does_not_matter(cache, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", refuse)
    assert compiling.compiled_now("int64(int64)")(add_offset)(4) == 4 + OFFSET


def test_the_digest_sees_every_source(tmp_path):
    (tmp_path / "a.py").write_text("A = 1")
    (tmp_path / "b.py").write_text("B = 1")
    first = compiling.source_digest(tmp_path)
    assert compiling.source_digest(tmp_path) == first
    (tmp_path / "b.py").write_text("B = 2")
    assert compiling.source_digest(tmp_path) != first
