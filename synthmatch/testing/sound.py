"""Rules of rendering: format and level, purity, batches, notes, sample rates."""

from __future__ import annotations

import inspect

import numpy as np

from ..synth import Note, Synth, render, render_batch
from ..synth.capabilities import EXCERPTS
from .probes import (
    NOTE,
    QUIETEST,
    ROUNDING,
    ConformanceError,
    check_audio,
    corners_of,
    ensure,
    parts_apart,
    patches_of,
    render_in_fresh_process,
    same_sound,
    scale_distances,
)

_ALIKE = 3.0  # dB between spectra of parts of a sound, and of the whole there


def audio_format(synth: Synth) -> None:
    """Check that sounds are finite ``float32 [note.samples(sample_rate)]``."""
    for patch in patches_of(synth, 8):
        sound = synth.render(patch, NOTE, synth.sample_rate)
        check_audio(sound, NOTE.samples(synth.sample_rate), "render", loudest=np.inf)


def audio_level(synth: Synth) -> None:
    """Check that sounds are about [-1, 1], and one of eight patches at least is audible."""
    sounds = [synth.render(patch, NOTE, synth.sample_rate) for patch in patches_of(synth, 8)]
    for sound in sounds:
        check_audio(sound, len(sound), "render")
    peak = max(np.abs(sound).max() for sound in sounds)
    ensure(
        peak >= QUIETEST,
        f"the default patch and seven of the prior peak at {peak:.2g}; none is audible",
    )


def render_defaults(synth: Synth) -> None:
    """Check that plain values sound like their patch, and that a default rate is the native one."""
    patch = patches_of(synth, 2)[1]
    expected = synth.render(patch, NOTE, synth.sample_rate).copy()
    plain = render(synth, dict(patch), NOTE)
    same_sound(expected, plain, "a plain dict sounds different from the patch of its values")
    parameters = list(inspect.signature(synth.render).parameters.values())
    if len(parameters) > 2 and parameters[2].default is not inspect.Parameter.empty:
        default: np.ndarray = synth.render(patch, NOTE)  # type: ignore[call-arg]
        same_sound(
            expected,
            default,
            f"render without a sample rate is not render at the synth's own {synth.sample_rate} Hz",
        )


def parameters_matter(synth: Synth) -> None:
    """Check that different patches make different sounds."""
    if not len(synth.space):
        return
    patches = patches_of(synth, 8)
    zero = np.float32(0)  # added, it makes negative zeros positive
    sounds = {(synth.render(patch, NOTE, synth.sample_rate) + zero).tobytes() for patch in patches}
    ensure(len(sounds) > 1, "eight different patches make one sound; do parameters reach it?")


def cube_corners(synth: Synth) -> None:
    """Check that every parameter at either end makes a finite sound of sane level."""
    note = Note(NOTE.pitch, NOTE.velocity, 0.05, 0.1)
    for what, vector in corners_of(synth).items():
        sound = synth.render(synth.space.decode(vector), note, synth.sample_rate)
        check_audio(sound, note.samples(synth.sample_rate), f"render with {what}")


def note_extremes(synth: Synth) -> None:
    """Check the lowest, highest, softest, loudest, shortest and in-between notes."""
    notes = [Note(pitch, velocity, 0.1, 0.2) for pitch in (0, 60.5, 127) for velocity in (1, 127)]
    notes += [Note(60, 100, 1e-4, 1e-4), Note(60, 100, 1e-3, 0.2), Note(60, 100, 0.1, 0.1)]
    for patch in patches_of(synth, 2):
        for note in notes:
            sound = synth.render(patch, note, synth.sample_rate)
            check_audio(sound, note.samples(synth.sample_rate), f"render of {note}")


def purity(synth: Synth) -> None:
    """Check that a patch makes the same samples, whatever was rendered in between."""
    rate = synth.sample_rate
    patches = patches_of(synth, 4)
    first = [synth.render(patch, NOTE, rate).copy() for patch in patches]
    for patch in reversed(patches):
        synth.render(patch, Note(84, 30, 0.05, 0.2), rate)
        synth.render(patch, NOTE, 22050)
    for patch, before in reversed(list(zip(patches, first, strict=True))):
        same_sound(
            before,
            synth.render(patch, NOTE, rate),
            "a patch sounds different after others were rendered; keep no state between renders",
        )


def inputs_untouched(synth: Synth) -> None:
    """Check that rendering changes no argument, and hands out no buffer it uses again."""
    patch = patches_of(synth, 2)[1]
    values = dict(patch)
    sound = synth.render(patch, NOTE, synth.sample_rate)
    kept = sound.copy()
    sound[:] = 0.25
    again = synth.render(patch, NOTE, synth.sample_rate)
    ensure(dict(patch) == values, "render changes the patch it is given")
    ensure(
        not np.shares_memory(sound, again) and np.array_equal(kept, again),
        "writing into a sound changes the next; return a new array from every render",
    )
    vectors = synth.space.sample(np.random.default_rng(0), 3)
    before = vectors.copy()
    render_batch(synth, vectors, NOTE)
    ensure(np.array_equal(vectors, before), "render_batch changes the vectors it is given")
    vectors.flags.writeable = False
    try:
        render_batch(synth, vectors, NOTE)
    except (ValueError, TypeError) as error:
        raise ConformanceError(f"render_batch cannot take read-only vectors: {error}") from error


def batch_equals_singles(synth: Synth) -> None:
    """Check that ``render_batch`` makes the sounds of ``render``, in any company."""
    vectors = synth.space.sample(np.random.default_rng(1), 5)
    for note, rate in ((NOTE, synth.sample_rate), (Note(70, 60, 0.05, 0.1), 22050)):
        batch = render_batch(synth, vectors, note, rate)
        expected = (5, note.samples(rate))
        ensure(
            batch.shape == expected and batch.dtype == np.float32,
            f"render_batch gives {batch.dtype} {list(batch.shape)}; return float32 {expected}",
        )
        for vector, row in zip(vectors, batch, strict=True):
            single = synth.render(synth.space.decode(vector), note, rate)
            same_sound(single, row, "a vector sounds different alone and in a batch", ROUNDING)
        turned = render_batch(synth, vectors[::-1], note, rate)[::-1]
        for row, moved in zip(batch, turned, strict=True):
            same_sound(row, moved, "a vector sounds different elsewhere in a batch", ROUNDING)


def excerpts(synth: Synth) -> None:
    """Check that parts of sounds come alike in any company, and sound as in the whole."""
    own = EXCERPTS.of(synth)
    if own is None:
        return
    rate, samples = synth.sample_rate, NOTE.samples(synth.sample_rate)
    fifth = samples // 5
    spans = [(0, fifth), (2 * fifth, 3 * fifth), (4 * fifth, samples)]
    vectors = np.stack([synth.space.encode(patch) for patch in patches_of(synth, 6)])
    parts = own.render_excerpts(vectors, NOTE, rate, spans)
    expected = (6, sum(last - first for first, last in spans))
    ensure(
        parts.shape == expected and parts.dtype == np.float32,
        f"render_excerpts gives {parts.dtype} {list(parts.shape)}; return float32 {expected}",
    )
    turned = own.render_excerpts(vectors[::-1], NOTE, rate, spans)[::-1]
    for row, moved in zip(parts, turned, strict=True):
        same_sound(row, moved, "an excerpt sounds different elsewhere in a batch", ROUNDING)
    whole = render_batch(synth, vectors, NOTE, rate)
    ends = np.cumsum([last - first for first, last in spans])[:-1]
    differences = [
        parts_apart([sound[first:last] for first, last in spans], np.split(row, ends), rate)
        for sound, row in zip(whole, parts, strict=True)
    ]
    apart = float(np.mean(differences))
    ensure(
        apart <= _ALIKE,
        f"excerpts are {apart:.1f} dB from what the whole sounds like there; "
        f"return the samples of each span, one span after the other",
    )


def fresh_process(synth: Synth) -> None:
    """Check that another process makes the same samples."""
    patches = patches_of(synth, 3, seed=2)
    here = [synth.render(patch, NOTE, synth.sample_rate).copy() for patch in patches]
    there = render_in_fresh_process(synth, patches, NOTE)
    for a, b in zip(here, there, strict=True):
        same_sound(a, b, "a patch sounds different in another process; seed all that is random")


def sample_rates(synth: Synth) -> None:
    """Check that a sound keeps its length, pitch and times at any sample rate."""
    patches = patches_of(synth, 6)
    for rate in (8000, 22050, 44100, 48000):
        check_audio(
            synth.render(patches[0], NOTE, rate), NOTE.samples(rate), f"render at {rate} Hz"
        )
    rate = synth.sample_rate
    found: list[list[tuple[float, float]]] = []
    for note in (NOTE, Note(NOTE.pitch, NOTE.velocity, 0.5, 0.5)):
        found += (list(scale_distances(synth, patch, note, rate)) for patch in patches)
    for what, pairs in zip(("spectrum", "envelope"), zip(*found, strict=True), strict=True):
        true, wrong = np.mean(pairs, axis=0)
        ensure(
            true < 3.0 or true < 2.0 * wrong,
            f"the {what} at {2 * rate} Hz is the one at {rate} Hz in samples, not in seconds "
            f"({wrong:.1f} dB apart against {true:.1f}); use the sample_rate that render gets",
        )
