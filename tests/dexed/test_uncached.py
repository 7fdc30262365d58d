"""The engine plays where its compiled code cannot be kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import synthmatch_dexed
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
