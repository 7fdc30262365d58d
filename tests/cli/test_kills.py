"""`synthmatch match` as a real process that is interrupted, stopped and killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BELL = Path(__file__).parents[2] / "examples" / "sounds" / "bell.wav"
KILLS = int(os.environ.get("SYNTHMATCH_KILLS", "6"))

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals")


def start(out: Path, *options: str) -> subprocess.Popen[str]:
    fixed = ("match", str(BELL), "-s", "fm", "-m", "none", "-c", "3", "-o", str(out))
    return subprocess.Popen(
        [sys.executable, "-m", "synthmatch", *fixed, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def names(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()} if out.exists() else set()


ALL = {
    *("bell.json", "bell.2.json", "bell.3.json", "bell.1.wav", "bell.2.wav", "bell.3.wav"),
    "bell.html",
}


def run_module(folder: Path) -> tuple[int, str]:
    """Run ``interrupted.py`` of a folder; return its exit status and what it says of errors."""
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def wait_for_job(out: Path) -> None:
    """Return when the lock of the job is there."""
    for _ in range(600):
        if (out / ".bell.lock").exists():
            return
        time.sleep(0.05)
    raise AssertionError("it did not start")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_search_with_the_best_so_far(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    out = tmp_path / "out"
    for delay in (2, 6, 18):  # a busy machine may hardly have begun to search
        with start(out, "--seconds", "60", "--overwrite") as process:
            wait_for_job(out)
            time.sleep(delay)
            process.send_signal(number)
            _, told = process.communicate(timeout=60)
        assert process.returncode == status, told
        assert "Traceback" not in told
        if names(out) == ALL:
            break
    assert "best so far" in told
    assert names(out) == ALL


@pytest.mark.parametrize("delay", [0.03, 0.06, 0.09, 0.12, 0.15])
def test_an_early_interrupt_is_quiet(delay: float) -> None:
    """The interpreter itself, which nobody can make quiet, takes part of the first one."""
    program = (
        "import os, signal, sys, threading, time\n"
        "def send():\n"
        "    while 'synthmatch.cli.commands' not in sys.modules:\n"  # which is still loading
        "        time.sleep(0.001)\n"
        f"    time.sleep({delay})\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "from synthmatch.cli import main\n"
        "threading.Thread(target=send, daemon=True).start()\n"
        "main(['match', 'nowhere.wav', '-s', 'dexed', '--seconds', '9'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 130)  # 1 where it was through before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_a_callback_of_c_loses_comes_again(number: signal.Signals) -> None:
    program = (
        "import ctypes, os, sys, time\n"
        "from synthmatch.cli.signals import Signals\n"
        "callback = ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), int(sys.argv[1])))\n"
        "signals = Signals()\n"
        "with signals.handled():\n"
        "    callback()\n"
        "    print('lost', flush=True)\n"
        "    try:\n"
        "        time.sleep(20)\n"
        "    except KeyboardInterrupt:\n"
        "        print('again', signals.status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(int(number))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["lost", "again", str(128 + number)]
    assert not done.stderr


def test_what_fails_for_an_interrupt_that_was_lost_is_interrupted(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(
        "import ctypes, os, signal\n"
        "from synthmatch.cli import main\n"
        "from synthmatch.cli.commands import commands\n"
        "def compute():\n"
        "    ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), signal.SIGTERM))()\n"
        "    raise RuntimeError('no compiled object yet')\n"
        "commands.command('compute')(compute)\n"
        "main(['compute'])\n"
    )
    assert run_module(tmp_path) == (143, "interrupted\n")


def test_an_interrupt_within_executed_text_leaves_the_exit_status_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(
        "from synthmatch.cli import main\n"
        "from synthmatch.cli.commands import commands\n"
        "commands.command('compute')(lambda: exec('raise KeyboardInterrupt'))\n"
        "main(['compute'])\n"
    )
    assert run_module(tmp_path) == (130, "interrupted\n")


def test_a_killed_match_leaves_all_or_nothing_and_does_not_block_the_next(tmp_path: Path) -> None:
    out = tmp_path / "out"
    random.seed(0)
    for _ in range(KILLS):
        with start(out, "--renders", "200", "--overwrite") as process:
            time.sleep(random.uniform(0.5, 6.0))
            process.kill()
            process.communicate(timeout=60)
        visible = {name for name in names(out) if not name.startswith(".")}
        assert visible in (set(), ALL) or any(
            name.startswith(".synthmatch-") for name in names(out)
        )
    with start(out, "--renders", "50", "--overwrite") as process:
        _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert names(out) == ALL


def test_of_two_at_once_one_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with start(out, "--seconds", "20") as first:
        wait_for_job(out)
        with start(out, "--seconds", "20") as second:
            _, told = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "another process is making" in told
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=60)
    assert first.returncode == 143
    assert names(out) in (ALL, set())  # as far as the first had come
