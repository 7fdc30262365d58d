"""A plug-in as the backend of a synth: rows played, failures put up with, losses made good."""

import pickle

import fake_instruments
import numpy as np
import pytest

from synthmatch.errors import HostingError, HostingWarning
from synthmatch.hosting import HostedPlugin, Play
from synthmatch.synth import Note

NOTE, RATE = Note(total=0.1, held=0.05), 8000


class Sines(HostedPlugin):
    """Plays rows of one frequency in tenths of a Hz; a negative one is bad."""

    def order(self, row, note, sample_rate):
        state = int(row[0]).to_bytes(2, "little") if row[0] >= 0 else b"bad"
        return Play(state, note, sample_rate)

    def probe(self):
        return [self.order(np.array([tenths]), NOTE, RATE) for tenths in (4400, 6600)]


class Replaced(Sines):
    def instead(self, rows, note, sample_rate):
        return np.full((len(rows), note.samples(sample_rate)), 0.25, np.float32)


def make(tmp_path, kind, name):
    return kind(tmp_path, processes=1, loader=f"fake_instruments:{name}")


def expected(tenths):
    return fake_instruments.sine(tenths.to_bytes(2, "little"), NOTE, RATE)


def test_rows_are_played_again_after_closing_and_in_a_copy(tmp_path):
    plugin = make(tmp_path, Sines, "Honest")
    assert plugin.info == {"path": str(tmp_path)}
    rows = np.array([[4400], [5000], [3000]])
    audio = plugin.render_batch(rows, NOTE, RATE)
    np.testing.assert_array_equal(audio, [expected(int(row[0])) for row in rows])
    assert plugin.info["name"] == "Honest" and "lost" not in plugin.info
    copy = pickle.loads(pickle.dumps(plugin))  # noqa: S301
    plugin.close()
    for each in (plugin, copy):
        np.testing.assert_array_equal(each.render(rows[1], NOTE, RATE), audio[1])
        each.close()


def test_one_failure_is_silence_in_a_batch_and_an_error_alone(tmp_path):
    plugin = make(tmp_path, Sines, "Crash")
    rows = np.array([[4400], [-1], [3000]])
    with pytest.warns(HostingWarning, match="1 of 3 sounds count as silence"):
        audio = plugin.render_batch(rows, NOTE, RATE)
    np.testing.assert_array_equal(audio[[0, 2]], [expected(4400), expected(3000)])
    assert not audio[1].any()
    with pytest.raises(HostingError):
        plugin.render(rows[1], NOTE, RATE)
    plugin.close()


def test_lost_it_is_an_error_unless_something_plays_in_its_place(tmp_path):
    fine, bad = np.array([[4400]]), np.full((8, 1), -1)
    plugin = make(tmp_path, Sines, "Crash")
    plugin.render_batch(fine, NOTE, RATE)
    with pytest.warns(HostingWarning, match="8 of 8 sounds count as silence"):
        plugin.render_batch(bad, NOTE, RATE)
    for rows in (bad, fine):
        with pytest.raises(HostingError):
            plugin.render_batch(rows, NOTE, RATE)
    plugin.close()
    replaced = make(tmp_path, Replaced, "Crash")
    replaced.render_batch(fine, NOTE, RATE)
    with pytest.warns(HostingWarning, match="8 of 8 sounds count as silence"):
        replaced.render_batch(bad, NOTE, RATE)
    with pytest.warns(HostingWarning, match="plays what is left"):
        audio = replaced.render_batch(bad, NOTE, RATE)
    assert audio.shape == (8, 800) and (audio == 0.25).all()
    assert (replaced.render(fine[0], NOTE, RATE) == 0.25).all()
    assert replaced.info["lost"]
    replaced.close()


def test_what_has_never_played_is_an_error_whatever_could_play_in_its_place(tmp_path):
    plugin = make(tmp_path, Replaced, "CrashAtLoad")
    with pytest.raises(HostingError):
        plugin.render_batch(np.array([[4400]]), NOTE, RATE)
    plugin.close()
