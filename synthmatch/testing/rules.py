"""The rules that every synth keeps, one plain function each."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import SynthmatchError
from ..parameters import ParameterSpace, Patch
from ..synth import (
    Note,
    Synth,
    load_bank,
    load_patch,
    preset_suffixes,
    render_batch,
    sample_prior,
    save_patch,
)
from .probes import (
    NOTE,
    QUIETEST,
    ConformanceError,
    check_audio,
    corners_of,
    ensure,
    patches_of,
    render_in_fresh_process,
    same_patch,
    same_sound,
    scale_distances,
)

Rule = Callable[[Synth], None]

_BATCH = 1e-4  # of full scale: batches may add in another order
_MILLIONTH = 1e-6  # of a range: formats may hold single-precision numbers


def interface(synth: Synth) -> None:
    """Check that there are a name, a space of that name, a native rate, and ``render``."""
    if not isinstance(synth, Synth):
        raise ConformanceError("a synth needs name, space, sample_rate and render")
    name, space, rate = synth.name, synth.space, synth.sample_rate
    ensure(
        isinstance(name, str) and bool(name) and not any(c.isspace() for c in name),
        f"name is {name!r}; give a word without spaces",
    )
    ensure(
        isinstance(space, ParameterSpace),
        f"space is of type {type(space).__name__}; give a ParameterSpace",
    )
    ensure(bool(space.parameters), "the space has no parameters")
    ensure(space.synth == name, f"name is {name!r} and space.synth {space.synth!r}; use one name")
    ensure(
        isinstance(rate, int) and rate >= 1000,
        f"sample_rate is {rate!r}; give a whole number of Hz, 1000 or more",
    )


def encode_decode(synth: Synth) -> None:
    """Check that vectors, patches, classes and JSON stand for the same sound, exactly."""
    space = synth.space
    rng = np.random.default_rng(0)
    centres = space.sample_classes(rng, 16)
    ends = [[0.0] * len(space), [1.0] * len(space)]
    for vector in np.concatenate([ends, space.sample(rng, 16), centres]):
        patch = space.decode(vector)
        same_patch(synth, patch, space.decode(space.encode(patch)), "decode(encode(patch))")
        same_patch(synth, patch, space.patch(Patch.from_json(patch.to_json())), "JSON")
    classes = space.to_classes(centres)
    ensure(
        np.array_equal(space.to_classes(space.from_classes(classes)), classes),
        "to_classes(from_classes(k)) is not k",
    )
    copy = ParameterSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    ensure(copy == space, "ParameterSpace.from_dict(space.to_dict()) is not the space")


def audio_format(synth: Synth) -> None:
    """Check that sounds are finite ``float32 [samples]``, about [-1, 1], and can be heard."""
    peaks = []
    for patch in patches_of(synth, 8):
        sound = synth.render(patch, NOTE, synth.sample_rate)
        samples = NOTE.samples(synth.sample_rate)
        peaks.append(np.abs(check_audio(sound, samples, "render")).max())
    ensure(
        max(peaks) >= QUIETEST,
        f"the default patch and seven of the prior peak at {max(peaks):.2g}; none can be heard",
    )


def parameters_matter(synth: Synth) -> None:
    """Check that different patches make different sounds."""
    if not len(synth.space):
        return
    patches = patches_of(synth, 8)
    sounds = {synth.render(patch, NOTE, synth.sample_rate).tobytes() for patch in patches}
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
            same_sound(single, row, "a vector sounds different alone and in a batch", _BATCH)
        turned = render_batch(synth, vectors[::-1], note, rate)[::-1]
        for row, moved in zip(batch, turned, strict=True):
            same_sound(row, moved, "a vector sounds different elsewhere in a batch", _BATCH)


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


def prior(synth: Synth) -> None:
    """Check that draws are ``[n, d]`` in the unit cube, and follow their generator alone."""
    d = len(synth.space)
    first, same, other, none = (
        sample_prior(synth, np.random.default_rng(seed), n)
        for seed, n in ((1, 64), (1, 64), (2, 64), (1, 0))
    )
    for drawn, n in ((first, 64), (none, 0)):
        ensure(drawn.shape == (n, d), f"sample gives shape {list(drawn.shape)}; return {[n, d]}")
        synth.space.check_vectors(drawn)
    ensure(np.array_equal(first, same), "the same seed draws other patches; use only the generator")
    ensure(d == 0 or not np.array_equal(first, other), "every seed draws the same patches")


def preset_files(synth: Synth) -> None:
    """Check that each format gives back the patch: choices exactly, ranges to a millionth."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in preset_suffixes(synth):
            ensure(
                suffix.startswith(".") and suffix == suffix.lower(),
                f"suffix {suffix!r}; write it in lower case with the dot",
            )
            for number, patch in enumerate(patches_of(synth, 6, seed=3)):
                path = Path(folder) / f"patch {number}{suffix}"
                save_patch(synth, patch, path)
                before = path.read_bytes()
                loaded = load_patch(synth, path)
                ensure(path.read_bytes() == before, f"loading a {suffix} file changes the file")
                within = 0.0 if suffix == ".json" else _MILLIONTH
                same_patch(synth, patch, loaded, f"a {suffix} file", within)
                _, first = load_bank(synth, path)[0]
                same_patch(synth, loaded, first, f"load_bank of a {suffix} file")
                save_patch(synth, loaded, path)
                same_patch(synth, loaded, load_patch(synth, path), f"a {suffix} file saved again")


def foreign_files(synth: Synth) -> None:
    """Check that what is no preset of the synth is refused with an error of synthmatch."""
    noise = np.random.default_rng(4).bytes(5000)
    other = Patch(f"not {synth.name}", {"x": 1}).to_json().encode()
    foreign = {"an empty": b"", "a random": noise, "a blank": bytes(3000), "another synth's": other}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in preset_suffixes(synth):
            path = Path(folder) / f"patch{suffix}"
            for kind, content in foreign.items():
                path.write_bytes(content)
                ensure(
                    not _loads(synth, path, f"{kind} {suffix} file"),
                    f"{kind} {suffix} file is taken for a preset; check the format",
                )
            save_patch(synth, synth.space.patch(), path)
            whole = path.read_bytes()
            for size in (1, len(whole) // 2, len(whole) - 1):
                path.write_bytes(whole[:size])
                _loads(synth, path, f"a {suffix} file cut short")


def _loads(synth: Synth, path: Path, what: str) -> bool:
    """Tell whether ``path`` loads; refuse every other end than a patch or an own error."""
    try:
        load_patch(synth, path)
    except SynthmatchError:
        return False
    except Exception as error:
        raise ConformanceError(
            f"{what} raises {type(error).__name__} ({error}); raise PresetError"
        ) from error
    return True


RULES: tuple[Rule, ...] = (
    interface,
    encode_decode,
    audio_format,
    parameters_matter,
    cube_corners,
    note_extremes,
    purity,
    inputs_untouched,
    batch_equals_singles,
    fresh_process,
    sample_rates,
    prior,
    preset_files,
    foreign_files,
)
