"""Whole files and locks, with real processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from synthmatch._files import atomic, lock
from synthmatch.errors import BusyError, SynthmatchError

HOLD = """
import sys, time
from pathlib import Path
from synthmatch._files import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds a lock, and the path of it."""
    path = tmp_path / ".lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process, path
        process.kill()


def test_atomic_leaves_the_old_file_on_an_error(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ValueError, match="oops"), atomic(target) as temporary:
        temporary.write_text("new")
        raise ValueError("oops")
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_atomic_puts_the_content_on_the_disk_before_the_name(tmp_path, monkeypatch):
    happened = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda d: (happened.append("sync"), fsync(d)))
    target = tmp_path / "a.txt"
    with atomic(target) as temporary:
        temporary.write_text("new")
        replace = type(target).replace
        monkeypatch.setattr(
            type(target), "replace", lambda a, b: (happened.append("name"), replace(a, b))
        )
    assert happened[:2] == ["sync", "name"]
    assert target.read_text() == "new"


def test_a_lock_is_for_one_and_leaves_nothing(tmp_path):
    path = tmp_path / ".lock"
    with lock(path):
        with pytest.raises(BusyError, match="wait for it"), lock(path, "wait for it"):
            pass
        assert path.is_file()
    assert not list(tmp_path.iterdir())
    with lock(path):
        pass
    assert issubclass(BusyError, SynthmatchError)


def test_a_lock_of_another_process_is_refused_and_dies_with_it(holder):
    process, path = holder
    with pytest.raises(BusyError), lock(path):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    with lock(path):
        pass
    assert not path.exists()


def test_a_lock_can_be_waited_for(holder):
    process, path = holder
    told = []

    def tell():
        told.append(time.perf_counter())
        threading.Timer(0.3, process.kill).start()

    with lock(path, waiting=tell):
        assert len(told) == 1
        assert time.perf_counter() - told[0] >= 0.3


def test_threads_take_turns(tmp_path):
    inside, most = [], []

    def work():
        with lock(tmp_path / ".lock", waiting=lambda: None):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_keep_the_lock(tmp_path):
    path = tmp_path / ".lock"
    with lock(path):
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
    try:
        with lock(path):
            pass
    finally:
        child.kill()
        child.join()
