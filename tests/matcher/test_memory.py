"""Memory of a match: bounded, however long or wide the file is."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

STATUS = Path("/proc/self/status")
if not STATUS.is_file():
    pytest.skip(
        "the peak of a process's memory is read from Linux's /proc", allow_module_level=True
    )

MOST = 500  # MB

PROGRAM = r"""
import re, sys
from synthmatch import Matcher
matcher = Matcher(sys.argv[2], model="none", workers=2)
match = matcher.predict(sys.argv[1], renders=10)
match.save(sys.argv[3])
# not getrusage, whose figure begins with that of the process it was forked from
print(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1])
"""


def lengthen(path: Path, seconds: int, frame: int, rate: int) -> None:
    """Let a WAV file go on with silence, which takes no place on the disk."""
    size = path.stat().st_size + seconds * frame * rate
    with path.open("r+b") as file:
        start = file.read(4096).index(b"data")
        file.truncate(size)
        file.seek(4)
        file.write(struct.pack("<I", size - 8))
        file.seek(start + 4)
        file.write(struct.pack("<I", size - start - 8))


@pytest.mark.parametrize(
    ("rate", "channels", "sounding", "silent"), [(44_100, 2, 32, 3600), (655_350, 8, 2, 180)]
)
def test_a_match_takes_little_memory(
    tmp_path: Path, rate: int, channels: int, sounding: int, silent: int
) -> None:
    path = tmp_path / "long.wav"
    time = np.arange(rate) / rate
    second = (0.4 * np.sin(2 * np.pi * 262 * time)).astype(np.float32)
    with soundfile.SoundFile(path, "w", rate, channels, "PCM_16") as file:
        for _ in range(sounding):
            file.write(np.repeat(second[:, None], channels, axis=1))
    lengthen(path, silent, 2 * channels, rate)
    assert soundfile.info(path).duration == pytest.approx(sounding + silent)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, path, "dexed", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) / 1024 < MOST
