"""Plug-in hosting, on fake instruments that crash, hang, print and lie."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import fake_instruments
import numpy as np
import pytest

from synthmatch.errors import HostingError, ParameterError
from synthmatch.hosting import Play, PluginHost
from synthmatch.synth import Note

NOTE = Note(total=0.1, held=0.05)
RATE = 8000


def play(state, fresh=False, note=NOTE):
    return Play(
        state if isinstance(state, bytes) else state.to_bytes(2, "little"), note, RATE, fresh
    )


PROBE = (play(4400), play(6600))


@pytest.fixture
def host(tmp_path):
    """Return a function that makes hosts of a fake instrument; all are closed afterwards."""
    with contextlib.ExitStack() as hosts:

        def make(name, **options):
            chosen = {"loader": f"fake_instruments:{name}", "time_limit": 5, **options}
            return hosts.enter_context(PluginHost(tmp_path, **chosen))

        yield make


def expected(state):
    order = play(state)
    return fake_instruments.sine(order.state, order.note, RATE)


def processes(tmp_path):
    """Return the ids of all worker processes so far."""
    return [int(line) for line in (tmp_path / "started").read_text().split()]


def running(pid):
    """Tell whether a process exists and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(OSError):
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return not stat.parent.parent.is_dir()


def eventually(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_it_plays_what_it_is_asked_in_order(host, tmp_path):
    plugin = host("Honest", probe=PROBE, processes=2)
    states = [440 * k for k in range(1, 13)]
    sounds = plugin.render_many([play(state) for state in states])
    for state, sound in zip(states, sounds, strict=True):
        np.testing.assert_array_equal(sound, expected(state))
    sounds[0][:] = 0  # answers are the caller's to change
    assert plugin.info == {"name": "Honest", "version": "1.2", "path": str(tmp_path)}
    assert plugin.repeats
    assert plugin.restarts == 0
    assert plugin.render_many([]) == []


def test_notes_with_numbers_of_numpy_are_played(host):
    note = Note(np.float32(60.5), np.int64(100), np.float32(0.05), np.float64(0.1))
    assert host("Honest").render(Play(b"\x10", note, np.int64(RATE))).shape == (800,)


def test_a_path_may_be_anything_that_names_one(tmp_path):
    class Place:
        def __fspath__(self):
            return str(tmp_path)

    with PluginHost(Place(), loader="fake_instruments:Honest") as plugin:
        assert plugin.start()["path"] == str(tmp_path)
        np.testing.assert_array_equal(plugin.render(play(440)), expected(440))


def test_one_process_plays_many_sounds(host, tmp_path):
    plugin = host("Honest", probe=PROBE)
    assert plugin.start() == plugin.start() == plugin.info
    for state in (440, 880, 1320):
        plugin.render(play(state))
    assert len(processes(tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CrashAtLoad", r"crashed \(exit status 3\) when asked to load"),
        ("FaultAtLoad", r"crashed \(SIGSEGV\) when asked to load"),
        ("ErrorAtLoad", "cannot load: RuntimeError: the licence has expired"),
        ("HangAtLoad", r"took over 2 s to load and was stopped"),
        ("Effect", "cannot load: it is an effect, not an instrument"),
        ("NoSuchInstrument", "cannot load: AttributeError: .*NoSuchInstrument"),
        ("Silent", "is silent on test sound 1"),
        ("Deaf", "plays the same sound whatever state it is given"),
    ],
)
def test_a_plug_in_that_does_not_work_is_one_error(host, name, message):
    limit = 2 if name == "HangAtLoad" else 60
    plugin = host(name, probe=PROBE, start_limit=limit, processes=2)
    with pytest.raises(HostingError, match=message) as caught:
        plugin.render_many([play(440)] * 20)
    assert "\n" not in str(caught.value)
    before = plugin.restarts
    with pytest.raises(HostingError, match=message):  # repeated, not tried again
        plugin.render(play(440))
    assert plugin.restarts == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Crash", r"crashed \(SIGSEGV\) when asked to play a note"),
        ("Exit", r"crashed \(exit status 7\) when asked to play a note"),
        ("Hang", "took over 3 s to play a note and was stopped"),
        ("Raise", "cannot play a note: ValueError: no such preset"),
        ("NotANumber", "samples that are not finite"),
        ("Stereo", r"samples of shape \[2, 800\]"),
        ("Short", r"samples of shape \[799\]"),
        ("Double", "it returned float64"),
        ("Nothing", "it returned NoneType"),
        ("Garbage", "crashed.* when asked to play a note"),
        ("GarbageList", "crashed.* when asked to play a note"),
        ("GarbageSize", "crashed.* when asked to play a note"),
        ("GarbageKind", "crashed.* when asked to play a note"),
        ("GarbageInfo", "crashed.* when asked to play a note"),
    ],
)
def test_a_sound_that_fails_costs_one_error_and_no_other_sound(host, tmp_path, name, message):
    plugin = host(name, probe=PROBE, time_limit=3 if name == "Hang" else 20)
    states = [440, b"once", b"bad", 880]
    first, once, bad, last = plugin.render_many([play(state) for state in states])
    np.testing.assert_array_equal(first, expected(440))
    np.testing.assert_array_equal(once, expected(b"once"))  # tried again
    np.testing.assert_array_equal(last, expected(880))
    assert isinstance(bad, HostingError)
    assert re.search(message, str(bad))
    assert "\n" not in str(bad)
    assert plugin.restarts == 3


def test_what_a_plug_in_prints_is_not_seen(host, capfd):
    plugin = host("Loud", probe=PROBE)
    assert np.abs(plugin.render(play(440))).max() > 0.9
    assert capfd.readouterr() == ("", "")


def test_the_time_limit_holds(host):
    plugin = host("Hang", time_limit=0.3)
    plugin.start()
    began = time.monotonic()
    with pytest.raises(HostingError, match=r"took over 0\.3 s"):
        plugin.render(play(b"bad", note=Note(total=0.2, held=0.1)))
    assert 1.0 <= time.monotonic() - began < 20.0  # twice the limit and the note's length


def test_a_plug_in_that_fails_on_everything_is_given_up_and_keeps_what_was_played(host, tmp_path):
    plugin = host("Exit", probe=PROBE)
    sounds = plugin.render_many([play(440), *[play(b"bad")] * 40])
    np.testing.assert_array_equal(sounds[0], expected(440))
    assert all(isinstance(sound, HostingError) for sound in sounds[1:])
    assert len(sounds) == 41
    assert "5 sounds in a row" in str(sounds[-1])
    with pytest.raises(HostingError, match="5 sounds in a row"):
        plugin.render(play(440))
    assert plugin.restarts == 10


def test_a_plug_in_that_stops_loading_is_given_up_and_keeps_what_was_played(host, tmp_path):
    plugin = host("OnceGood", probe=PROBE)
    sounds = plugin.render_many([play(440), play(b"bad"), play(880)])
    np.testing.assert_array_equal(sounds[0], expected(440))
    assert "the licence has expired" in str(sounds[-1])
    assert len(processes(tmp_path)) == 4  # the first, and three that failed to start


def test_different_sounds_in_another_process_are_found_out(host, tmp_path):
    plugin = host("Moody", probe=PROBE)
    plugin.render(play(440))
    os.kill(processes(tmp_path)[0], signal.SIGKILL)
    (failed,) = plugin.render_many([play(440)])
    assert "plays the same state differently in another process" in str(failed)


def test_a_worker_that_dies_while_idle_is_replaced(host, tmp_path):
    plugin = host("Honest", probe=PROBE)
    plugin.render(play(440))
    os.kill(processes(tmp_path)[0], signal.SIGKILL)
    np.testing.assert_array_equal(plugin.render(play(880)), expected(880))


def test_a_plug_in_that_remembers_gets_a_process_for_each_sound(host, tmp_path):
    plugin = host("Drifting", probe=PROBE, processes=2)
    for _ in range(2):
        for sound in plugin.render_many([play(440)] * 3):
            np.testing.assert_array_equal(sound, expected(440))
    assert not plugin.repeats
    assert plugin.restarts == 0


@pytest.mark.parametrize(("name", "carries_over"), [("Wavering", True), ("Honest", False)])
def test_the_third_test_sound_decides_on_fresh_processes(host, tmp_path, name, carries_over):
    odd, even = 0x1907, 0x1A00  # by their last byte
    plugin = host(name, probe=(play(0x1000), play(even), play(odd)))
    for _ in range(2):
        sounds = plugin.render_many([play(even), play(odd, fresh=True), play(even)])
        for state, sound in zip((even, odd, even), sounds, strict=True):
            np.testing.assert_array_equal(sound, expected(state))
    assert plugin.carries_over == carries_over
    assert plugin.repeats
    assert (len(processes(tmp_path)) > 1) == carries_over


def test_without_a_third_test_sound_fresh_is_taken_at_its_word(host, tmp_path):
    plugin = host("Honest", probe=PROBE)
    plugin.render(play(440, fresh=True))
    assert plugin.carries_over
    # one for the probe, one that played, one in reserve
    assert eventually(lambda: len(processes(tmp_path)) == 3)


def test_close_leaves_no_process_behind(host, tmp_path):
    plugin = host("HangWithHelper", time_limit=30, processes=2)
    plugin.start()

    def interrupt():
        assert eventually((tmp_path / "helper").exists)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        plugin.render_many([play(b"bad"), play(440)])
    np.testing.assert_array_equal(plugin.render(play(440)), expected(440))
    helper = int((tmp_path / "helper").read_text())
    plugin.close()
    assert eventually(lambda: not any(map(running, [*processes(tmp_path), helper])))
    with pytest.raises(HostingError, match="is closed"):
        plugin.render(play(440))
    plugin.close()


SCRIPT = """
    import os, signal, sys, time
    from synthmatch.hosting import Play, PluginHost
    from synthmatch.synth import Note

    sys.path.insert(0, {tests!r})
    host = PluginHost({folder!r}, loader="fake_instruments:Hang", processes=2)
    hang = Play(b"bad", Note(total=0.1, held=0.05), 8000)
    host.render(Play(b"abc", hang.note, 8000))
    print("ready", flush=True)
    try:
        host.render_many([hang, hang])
    except KeyboardInterrupt:
        host.render(Play(b"abc", hang.note, 8000))
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_program_however_it_ends(tmp_path, how):
    """The script has no guard against being run again, and leaves its host open."""
    program = tmp_path / "script.py"
    tests = str(Path(__file__).parents[1] / "helpers")
    program.write_text(textwrap.dedent(SCRIPT.format(tests=tests, folder=str(tmp_path))))
    with subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as script:
        assert script.stdout.readline() == "ready\n"
        assert eventually(lambda: len(processes(tmp_path)) == 2)
        time.sleep(0.2)  # until both hang
        if how == signal.SIGINT:
            os.killpg(script.pid, how)  # as the terminal does
        else:
            script.send_signal(how)
        rest, _ = script.communicate(timeout=20)
    assert rest == ("interrupted\n" if how == signal.SIGINT else "")
    assert script.returncode == (0 if how == signal.SIGINT else -how)
    assert eventually(lambda: not any(map(running, processes(tmp_path))))


def test_workers_end_with_their_host(tmp_path):
    plugin = PluginHost(tmp_path, loader="fake_instruments:Honest")
    plugin.start()
    del plugin
    assert eventually(lambda: not running(processes(tmp_path)[0]))


def test_a_forked_process_leaves_the_workers_alone(host, tmp_path, monkeypatch):
    plugin = host("Honest")
    plugin.start()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(HostingError, match="forked process"):
        plugin.render(play(440))
    monkeypatch.undo()
    np.testing.assert_array_equal(plugin.render(play(440)), expected(440))
    assert len(processes(tmp_path)) == 1


def test_a_system_that_starts_no_process_is_one_error(host, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(HostingError, match=r"no process for .* starts: .*No such file"):
        host("Honest").render_many([play(440)] * 3)


def test_workers_have_the_environment_they_need_and_no_display(host, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    info = host("Environment", environment={"FAKE_WISH": "granted"}).start()
    assert (info["wish"], info["display"], info["main"]) == ("granted", "", "")


def test_hosts_may_be_used_from_threads(host, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    plugin = host("Honest", probe=PROBE, processes=2)
    with ThreadPoolExecutor(4) as pool:
        sounds = list(pool.map(plugin.render, [play(440), play(880)] * 6))
    for state, sound in zip([440, 880] * 6, sounds, strict=True):
        np.testing.assert_array_equal(sound, expected(state))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probe": PROBE[:1]}, "two sounds or three"),
        ({"processes": 0}, "at least 1 process"),
        ({"time_limit": 0}, "not 0 s a note"),
        ({"start_limit": float("nan")}, "nan s to load"),
    ],
)
def test_options_out_of_range_are_parameter_errors(options, message):
    with pytest.raises(ParameterError, match=message):
        PluginHost("nowhere", **options)


def test_a_missing_plug_in_is_one_error():
    pytest.importorskip("pedalboard")
    with PluginHost("/nowhere/Nothing.vst3") as host, pytest.raises(HostingError) as caught:
        host.start()
    assert str(caught.value).startswith("Nothing.vst3 cannot load: ")


def test_without_pedalboard_the_error_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "pedalboard.py").write_text("raise ImportError('No module named pedalboard')")
    monkeypatch.syspath_prepend(tmp_path)
    with (
        PluginHost(tmp_path) as host,
        pytest.raises(HostingError, match="`pip install pedalboard` brings it"),
    ):
        host.start()
