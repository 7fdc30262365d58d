"""Reading, judging and writing recordings."""

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import scipy.signal
import soundfile

from synthmatch.audio import (
    Recording,
    find_recordings,
    loudness,
    read_recording,
    resample,
    write_wav,
)
from synthmatch.errors import AudioError, OutputError, ParameterError
from synthmatch.synth import Note

RATE = 44_100


def hertz(note):
    return 440.0 * 2.0 ** ((note - 69.0) / 12.0)


def times(seconds, rate=RATE):
    return np.arange(round(seconds * rate)) / rate


def tone(note, seconds=0.5, harmonics=None, rate=RATE, decay=0.0, vibrato=0.0):
    """Harmonics ``1/k`` under half the rate, each dying ``exp(-decay k t)``."""
    t, f = times(seconds, rate), hertz(note)
    phase = 2 * np.pi * f * t
    if vibrato:  # in semitones, 5.5 Hz; the integral of f 2^(v sin / 12) for small v
        phase -= f * (2 ** (vibrato / 12) - 1) / 5.5 * np.cos(2 * np.pi * 5.5 * t)
    wanted = harmonics or range(1, 25)
    partials = [k for k in wanted if k * f < min(0.45 * rate, 12_000)]
    out = sum(np.sin(k * phase) / k * np.exp(-decay * k * t) for k in partials)
    return 0.4 * out / np.abs(out).max()


def note_with_release(held, release, decay=0.0, note=57, rate=RATE):
    """Exponential decay of ``decay`` dB a second, then 60 dB down within ``release`` s."""
    t = times(held + release + 0.5, rate)
    level = -decay * np.minimum(t, held) - 60.0 * np.maximum(t - held, 0.0) / release
    level = np.where(t > held + release * 1.2, -np.inf, level)
    return tone(note, t[-1] + 1 / rate, rate=rate)[: len(t)] * 10 ** (level / 20)


# Files


FORMATS = [
    ("WAV", "PCM_16", 1e-4),
    ("WAV", "PCM_24", 1e-6),
    ("WAV", "PCM_32", 1e-6),
    ("WAV", "PCM_U8", 1e-2),
    ("WAV", "FLOAT", 1e-7),
    ("WAV", "DOUBLE", 1e-7),
    ("WAVEX", "PCM_16", 1e-4),
    ("W64", "PCM_16", 1e-4),
    ("RF64", "PCM_24", 1e-6),
    ("FLAC", "PCM_16", 1e-4),
    ("FLAC", "PCM_24", 1e-6),
    ("AIFF", "PCM_16", 1e-4),
    ("AIFF", "FLOAT", 1e-7),
    ("CAF", "PCM_24", 1e-6),
    ("AU", "PCM_16", 1e-4),
    ("OGG", "VORBIS", None),
    ("OGG", "OPUS", None),
    ("MP3", "MPEG_LAYER_III", None),
]


@pytest.mark.parametrize(("container", "coding", "tolerance"), FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
def test_reads_what_libsndfile_writes(tmp_path, container, coding, tolerance, channels):
    if not soundfile.check_format(container, coding):
        pytest.skip(f"this libsndfile has no {container} {coding}")
    rate = 48_000
    sound = tone(57, 0.5, rate=rate)
    path = tmp_path / f"a.{container.lower()}"
    soundfile.write(path, np.stack([sound] * channels, 1), rate, coding, format=container)
    got = read_recording(path)
    assert (got.sample_rate, got.path, got.name) == (rate, path, path.name)
    assert got.samples.dtype == np.float32
    assert got.pitch == pytest.approx(57, abs=0.1)
    assert got.warnings == ()
    if tolerance:
        assert len(got.samples) == len(sound)
        np.testing.assert_allclose(got.samples, sound, atol=tolerance)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_384, 22_050, 96_000, 192_000])
def test_reads_any_rate(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(60, 0.4, rate=rate), rate)
    got = read_recording(path)
    assert (got.sample_rate, len(got.samples)) == (rate, round(0.4 * rate))
    assert got.pitch == pytest.approx(60, abs=0.1)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "float16", "float32", "float64"]
)
def test_arrays_of_any_number_type(dtype):
    sound = tone(57, 0.3)
    x = sound
    if "int" in dtype:
        full = 2.0 ** (np.iinfo(dtype).bits - 1)
        x = np.round(sound * full) + (full if dtype.startswith("u") else 0)
    got = read_recording(x.astype(dtype), RATE)
    assert (got.path, got.sample_rate) == (None, RATE)
    tolerance = 1e-2 if "int8" in dtype else 1e-3
    np.testing.assert_allclose(got.samples, sound, atol=tolerance)


def test_channels_are_averaged():
    left, right = tone(57, 0.3), 0.5 * tone(64, 0.3)
    got = read_recording(np.stack([left, right, np.zeros_like(left)], 1), RATE)
    np.testing.assert_allclose(got.samples, (left + right) / 3, atol=1e-6)


def test_channels_that_cancel_out():
    sound = tone(57, 0.3)
    got = read_recording(np.stack([0.8 * sound, -0.78 * sound], 1), RATE)
    np.testing.assert_allclose(got.samples, 0.8 * sound, atol=1e-6)
    assert "cancel out" in got.warnings[0]


def test_samples_far_over_full_scale_are_scaled():
    got = read_recording(tone(57, 0.3) * 32768.0, RATE)
    assert np.abs(got.samples).max() == pytest.approx(1.0)
    assert "scaled down" in got.warnings[0]


def write(tmp_path, name, samples, rate=RATE):
    path = tmp_path / name
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p / "none.wav", "no such file: .*none.wav"),
        (lambda p: p, "is a folder"),
        (lambda p: write(p, "a.wav", np.zeros(0)), "a.wav is empty"),
        (lambda p: write(p, "a.wav", np.zeros(RATE)), "a.wav is silent"),
        (lambda p: write(p, "a.wav", np.full(RATE, 1e-6)), "a.wav is silent"),
        (lambda p: write(p, "a.wav", np.r_[tone(60), np.nan]), "NaN or infinite"),
        (lambda p: write(p, "a.wav", np.r_[-np.inf, tone(60)]), "NaN or infinite"),
        (lambda p: write(p, "a.wav", tone(60, 0.0199)), "19.9 ms long; give at least 20 ms"),
        (lambda p: write(p, "a.wav", tone(60, rate=2000), 2000), "at 2000 Hz; give 4000"),
    ],
)
def test_clear_errors_for_files(tmp_path, make, words):
    with pytest.raises(AudioError, match=words) as caught:
        read_recording(make(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.txt", "a.raw", "a"])
@pytest.mark.parametrize("content", [b"", b"hello, this is no sound" * 100, b"RIFF\x00\x00"])
def test_what_is_not_audio(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioError, match="not audio" if content else "is an empty file"):
        read_recording(path)


def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path):
    path = write(tmp_path, "a.wav", tone(60, 1.0))
    path.write_bytes(path.read_bytes()[:100_000])
    assert 0.5 < read_recording(path).seconds < 0.6


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = write(tmp_path, "a.wav", tone(60))
    path.chmod(0)
    with pytest.raises(AudioError, match="cannot read"):
        read_recording(path)


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [
        (tone(60), None, "needs its sample rate"),
        (tone(60), 0, "needs its sample rate"),
        (np.zeros((2, 4000)), RATE, r"\[frames, channels\]"),
        (np.zeros((100, 2, 2)), RATE, r"\[frames, channels\]"),
        (np.array(["a"] * 4000), RATE, "floats or integers"),
        (np.ones(4000, complex), RATE, "floats or integers"),
        (np.zeros((0, 2)), RATE, "empty"),
        (np.full(4000, 1e300), RATE, "infinite"),
    ],
)
def test_clear_errors_for_arrays(samples, rate, words):
    with pytest.raises(AudioError, match=words):
        read_recording(samples, rate)


def test_other_arguments_are_checked(tmp_path):
    path = write(tmp_path, "a.wav", tone(60))
    assert read_recording(path, RATE).sample_rate == RATE
    with pytest.raises(AudioError, match="leave the rate out"):
        read_recording(path, 48_000)
    with pytest.raises(AudioError, match="allow at least"):
        read_recording(path, max_seconds=0.0)
    with pytest.raises(ParameterError, match="MIDI note"):
        read_recording(path, pitch=200)


def test_long_recordings_are_cut_and_say_so(tmp_path):
    quiet = np.zeros(RATE * 5)
    path = write(tmp_path, "a.wav", np.r_[quiet, tone(60, 4.0)])
    got = read_recording(path, max_seconds=3.0)
    assert got.seconds == pytest.approx(3.0, abs=0.01)
    assert got.warnings == ("it is longer than 3 s; only 3.0 s from the onset are used",)
    got = read_recording(np.r_[quiet, tone(60, 4.0)], RATE, max_seconds=3.0)
    assert got.seconds == pytest.approx(3.0, abs=0.01)
    assert "longer than 3 s" in got.warnings[0]
    assert read_recording(path, max_seconds=5.0).warnings == ()


# Trimming


@pytest.mark.parametrize("before", [0.0, 0.0123, 0.5, 2.0])
@pytest.mark.parametrize("noise", [0.0, -70.0, -50.0])
def test_silence_around_a_sound_is_cut(before, noise):
    sound = tone(57, 0.8, decay=1.0)
    padded = np.r_[np.zeros(round(before * RATE)), sound, np.zeros(RATE)]
    if noise:
        rng = np.random.default_rng(0)
        padded += 0.1 * 10 ** (noise / 20) * rng.standard_normal(len(padded))
    got = read_recording(padded, RATE)
    # the onset: from 13 ms early to 1 ms late; the end: no second of noise left
    shift = np.argmax(scipy.signal.correlate(got.samples[:4000], sound[:2000], "valid"))
    assert 0 <= shift <= 0.013 * RATE
    assert 0.75 < got.seconds < 0.95


def test_a_slow_attack_is_kept():
    t = times(2.0)
    sound = tone(57, 2.0) * np.minimum(t / 1.0, 1.0)
    got = read_recording(np.r_[np.zeros(RATE), sound, np.zeros(RATE)], RATE)
    assert got.seconds > 1.97


def test_a_long_tail_is_kept_to_60_db():
    sound = tone(57, 5.0, harmonics=[1]) * 10 ** (-20.0 * times(5.0) / 20.0)  # 20 dB a second
    got = read_recording(sound, RATE)
    assert got.seconds == pytest.approx(3.0, abs=0.1)


def test_a_click_keeps_enough_to_be_matched():
    x = np.zeros(RATE)
    x[-1] = 1.0
    assert read_recording(x, RATE).seconds >= 0.02


# Pitch


@pytest.mark.parametrize("note", [36, 40, 45, 50, 55, 59, 64, 69, 73.3, 78, 83, 88.5, 92, 96])
@pytest.mark.parametrize(
    "kind",
    [
        {"harmonics": [1]},
        {},
        {"harmonics": [1, 3, 5, 7, 9, 11]},
        {"harmonics": [*range(2, 12)]},
        {"vibrato": 0.5},
        {"decay": 4.0},
        {"seconds": 0.15},
        {"rate": 16_384},
    ],
    ids=["sine", "saw", "square", "missing", "vibrato", "pluck", "short", "16 kHz"],
)
def test_pitch_within_50_cents(note, kind):
    sound = tone(note, **kind)
    got = read_recording(sound, kind.get("rate", RATE))
    assert got.pitch == pytest.approx(note, abs=0.5 if kind.get("vibrato") else 0.25)


def test_pitch_in_noise():
    noise = np.random.default_rng(1).standard_normal(RATE // 2)
    got = read_recording(tone(52) + 0.05 * noise, RATE)
    assert got.pitch == pytest.approx(52, abs=0.2)


@pytest.mark.parametrize("decay", [0.0, 20.0])
def test_noise_has_no_pitch(decay):
    noise = 0.1 * np.random.default_rng(2).standard_normal(RATE) * np.exp(-decay * times(1.0))
    got = read_recording(noise, RATE)
    assert got.pitch is None
    assert got.note.pitch == 60.0
    assert "no clear pitch; C4 is played" in got.warnings[0]


def test_an_estimated_pitch_is_rounded_for_the_note_and_a_given_one_kept():
    estimated = read_recording(tone(60.4), RATE)
    assert estimated.pitch == pytest.approx(60.4, abs=0.05)
    assert (estimated.pitch_given, estimated.note.pitch) == (False, 60.0)
    assert estimated.warnings == ("it sounds 40 cents above C4",)
    given = read_recording(tone(60.4), RATE, pitch=48.5)
    assert (given.pitch, given.pitch_given, given.note.pitch) == (48.5, True, 48.5)
    assert given.warnings == ()


def test_pitch_needs_no_heavy_library():
    code = (
        "import numpy as np, sys; from synthmatch.audio import read_recording;"
        "r = read_recording(np.sin(np.arange(44100) * 0.06), 44100); assert r.pitch;"
        "print(sorted({'librosa', 'numba', 'torch', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Length of the note


@pytest.mark.parametrize("held", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("release", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("decay", [0.0, 6.0, 15.0])
def test_held_until_the_decay_steepens(held, release, decay):
    if decay * held > 35 or 60 / release < 3 * decay:
        pytest.skip("dies away before the key is let go, or as fast as after")
    got = read_recording(note_with_release(held, release, decay), RATE)
    assert got.held == pytest.approx(held, abs=0.03)
    assert got.note == Note(57.0, 100, got.held, got.seconds)


def test_held_with_an_attack_decay_sustain_release_and_tremolo():
    t = times(2.0)
    shape = np.interp(t, [0.0, 0.1, 0.3, 1.2, 1.5], [0.0, 1.0, 0.3, 0.3, 0.0])
    shape = shape * (1.0 - 0.4 * np.sin(2 * np.pi * 6.0 * t) ** 2)
    got = read_recording(tone(57, 2.0) * shape, RATE)
    assert got.held == pytest.approx(1.2, abs=0.08)


def test_held_through_a_noise_floor():
    noise = np.random.default_rng(3).standard_normal(round(2.8 * RATE))
    sound = note_with_release(1.0, 0.3)
    recorded = np.r_[np.zeros(RATE), sound] + 0.001 * noise[: RATE + len(sound)]
    assert read_recording(recorded, RATE).held == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("decay", [0.5, 3.0, 20.0])
def test_a_sound_left_to_ring_is_held_throughout(decay):
    got = read_recording(tone(60, 3.0, decay=decay), RATE)
    assert got.held == got.seconds == got.note.held == got.note.total


def test_a_sound_cut_before_its_release_is_held_throughout():
    got = read_recording(tone(60, 1.0), RATE)
    assert got.held == got.seconds == 1.0


# Several notes, level


def several(recording):
    return [text for text in recording.warnings if "several notes" in text]


def test_several_notes_get_a_warning():
    one, other, same = (note_with_release(0.3, 0.1, note=n) for n in (60, 65, 60))
    melody = read_recording(np.r_[one, other], RATE)
    assert several(melody) == [
        "it seems to hold several notes (its pitch changes); a single note matches best"
    ]
    assert "its pitch changes" in several(read_recording(np.r_[tone(60), tone(62)], RATE))[0]
    assert "it has 2 onsets" in several(read_recording(np.r_[one, same], RATE))[0]
    assert "it has 3 onsets" in several(read_recording(np.r_[one, same, one], RATE))[0]


@pytest.mark.parametrize(
    "sound",
    [
        tone(60, 2.0, vibrato=0.5),
        tone(60, 2.0, decay=3.0),
        tone(60, 2.0) * np.minimum(times(2.0), 1.0),
        tone(60, 2.0) * (1 - 0.5 * np.sin(2 * np.pi * 3 * times(2.0)) ** 2),
        tone(60, 2.0) * (np.sin(2 * np.pi * 8 * times(2.0)) > 0),
        tone(60, 2.0) * (np.sin(2 * np.pi * 2 * times(2.0)) > 0),
        note_with_release(1.0, 0.4, 6.0),
    ],
    ids=["vibrato", "pluck", "swell", "tremolo", "fast gate", "slow gate", "release"],
)
def test_one_note_gets_no_warning(sound):
    assert several(read_recording(sound, RATE)) == []


def test_clipping_and_low_level_get_a_warning():
    clipped = np.clip(4.0 * tone(60), -1.0, 1.0)
    assert read_recording(clipped, RATE).warnings == (
        "it seems to be clipped; record it at a lower level",
    )
    full = np.sin(2 * np.pi * 41.2 * times(1.0))
    gated = np.sign(full) * (0.6 + 0.4 * np.sign(np.sin(2 * np.pi * 3 * times(1.0))))
    for sound in (full, np.sign(full), np.round(full * 32767) / 32768, gated):
        assert not any("clipped" in text for text in read_recording(sound, RATE).warnings)
    quiet = read_recording(0.001 * tone(60), RATE)
    assert quiet.warnings == ("it is very quiet (peak -68 dB); noise may count",)


# Recording


@pytest.mark.parametrize("rate", [8_000, 16_384, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("frames", [883, 44_101, 12_345])
def test_at_another_rate_has_the_length_of_the_note(rate, frames):
    recording = read_recording(tone(60, 2.0, harmonics=[1, 2, 3])[:frames], RATE)
    got = recording.at(rate)
    assert got.dtype == np.float32
    assert got.shape == (recording.note.samples(rate),)
    expected = tone(60, 2.0, harmonics=[1, 2, 3], rate=rate)[: len(got)]
    inner = slice(len(got) // 3, -len(got) // 3)
    np.testing.assert_allclose(got[inner], expected[inner], atol=0.01 if frames < 1000 else 1e-3)


def test_at_its_own_rate_is_unchanged():
    recording = read_recording(tone(60), RATE)
    np.testing.assert_array_equal(recording.at(RATE), recording.samples)
    assert isinstance(recording, Recording)


def test_resample_keeps_a_sine():
    got = resample(np.sin(2 * np.pi * 1000 * times(1.0)), RATE, 48_000)
    expected = np.sin(2 * np.pi * 1000 * times(1.0, 48_000))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[1000:-1000], expected[1000:-1000], atol=1e-4)


# Loudness


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_loudness_is_that_of_pyloudnorm(rate):
    rng = np.random.default_rng(4)
    t = times(4.0, rate)
    for shape in (np.ones_like(t), np.exp(-3 * t), np.minimum(t, 1) ** 6, (t < 1) + 0.01):
        sound = 0.2 * shape * scipy.signal.lfilter([1], [1, -0.9], rng.standard_normal(len(t)))
        meter = pyloudnorm.Meter(rate, filter_class="DeMan")
        expected = meter.integrated_loudness(sound)
        assert loudness(sound, rate) == pytest.approx(expected, abs=0.01)


def test_loudness_of_the_standards_reference_tone():
    # BS.1770-4: a 0 dBFS sine of 997 Hz in one channel reads -3.01 LKFS
    assert loudness(np.sin(2 * np.pi * 997 * times(3.0)), RATE) == pytest.approx(-3.01, abs=0.01)


def test_loudness_of_short_quiet_and_silent_sounds():
    sine = np.sin(2 * np.pi * 997 * times(1.0))
    assert loudness(sine[: RATE // 10], RATE) == pytest.approx(-3.01, abs=0.1)
    assert loudness(1e-5 * sine, RATE) == pytest.approx(-103.01, abs=0.05)
    assert loudness(np.zeros(RATE), RATE) == -np.inf
    assert loudness(np.zeros(100), RATE) == -np.inf


# Finding and writing


def test_find_recordings(tmp_path):
    names = ["b.wav", "a.FLAC", "sub/c.mp3", ".hidden.wav", ".git/d.wav", "notes.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    wanted = [tmp_path / name for name in ("a.FLAC", "b.wav", "sub/c.mp3")]
    assert find_recordings([tmp_path]) == wanted
    text = tmp_path / "notes.txt"
    assert find_recordings([str(text), tmp_path, tmp_path / "b.wav"]) == [text, *wanted]
    with pytest.raises(AudioError, match="no such file or folder"):
        find_recordings([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match=r"no audio in .*empty; looked for \.wav"):
        find_recordings([tmp_path / "empty"])


def test_write_wav(tmp_path):
    path = tmp_path / "out.wav"
    sound = tone(60).astype(np.float32)
    assert write_wav(path, sound, 48_000) == 1.0
    got, rate = soundfile.read(path)
    assert (rate, soundfile.info(path).subtype) == (48_000, "PCM_24")
    np.testing.assert_allclose(got, sound, atol=2e-7)
    assert write_wav(path, np.stack([sound, 10 * sound], 1), RATE) == pytest.approx(0.25, abs=0.01)
    got, _ = soundfile.read(path)
    assert np.abs(got).max() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(got[:, 1], 10 * got[:, 0], atol=2e-6)
    assert list(tmp_path.iterdir()) == [path]


def test_write_wav_leaves_the_old_file_when_it_fails(tmp_path):
    path = tmp_path / "out.wav"
    write_wav(path, tone(60), RATE)
    before = path.read_bytes()
    with pytest.raises(AudioError, match="NaN"):
        write_wav(path, np.array([0.0, np.nan]), RATE)
    with pytest.raises(AudioError, match="cannot write"):
        write_wav(path, tone(60).reshape(1, -1), RATE)  # more channels than a WAV can have
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OutputError, match=r"cannot write .* No such file"):
        write_wav(tmp_path / "none" / "out.wav", tone(60), RATE)
    for rate in (0, -1, 4_000_000_000):
        with pytest.raises(AudioError, match="no rate of a WAV"):
            write_wav(path, tone(60), rate)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_is_called_so(tmp_path, monkeypatch):
    def full(self, data):
        with open("/dev/full", "wb", buffering=0) as device:  # noqa: PTH123
            device.write(data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_wav(tmp_path / "a.wav", tone(60), RATE)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX")
def test_a_name_that_is_no_text(tmp_path):
    path = tmp_path / os.fsdecode(b"b\xffll.wav")
    write_wav(path, tone(60), RATE)
    assert read_recording(path).name == path.name


@pytest.mark.parametrize("cancelling", [False, True])
def test_many_channels_at_a_high_rate_take_little_memory(tmp_path, cancelling):
    rate, seconds = 655_350, 4
    path = tmp_path / "a.wav"
    sound = tone(60, seconds, rate=rate).astype(np.float32)
    signs = np.array([1, -1] * 4 if cancelling else [1] * 8)
    with soundfile.SoundFile(path, "w", rate, 8, "PCM_16") as file:
        for part in np.array_split(sound, 40):
            file.write(0.5 * part[:, None] * signs)
    tracemalloc.start()
    try:
        got = read_recording(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 70e6  # all channels are 84 MB
    assert got.sample_rate == 192_000
    assert got.seconds == pytest.approx(seconds, abs=0.05)
    assert round(got.pitch) == 60
    assert bool(got.warnings) == cancelling


def test_a_long_silence_before_the_sound_is_read_in_blocks(tmp_path):
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", 48_000, 2, "PCM_16") as file:
        for _ in range(300):
            file.write(np.zeros((48_000, 2)))
        file.write(np.stack([tone(60, 1.0, rate=48_000)] * 2, axis=1))
        for _ in range(60):
            file.write(np.zeros((48_000, 2)))
    tracemalloc.start()
    try:
        got = read_recording(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 80e6  # the silence before alone is 115 MB
    assert got.seconds == pytest.approx(1.0, abs=0.05)


SHARED = Path(os.environ.get("SYNTHMATCH_SHARED", Path(__file__).resolve().parents[3] / "shared"))


@pytest.mark.skipif(not (SHARED / "reference" / "dexed").is_dir(), reason="no reference renders")
def test_held_of_dexed_renders():
    import json

    folder = SHARED / "reference" / "dexed"
    clips = json.loads((folder / "index.json").read_text())
    for clip in [c for c in clips if c["kind"] == "algorithm"][:12]:
        held = clip["note_off_s"] - clip["note_on_s"]
        assert read_recording(folder / clip["file"]).held == pytest.approx(held, abs=0.05)
