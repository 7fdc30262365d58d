"""Rules of what a synth may know of itself: its prior, its note, what sounds alike."""

from __future__ import annotations

import numpy as np

from ..parameters import FloatArray
from ..synth import (
    AudioArray,
    BoolArray,
    Note,
    Synth,
    render_batch,
    sample_prior,
)
from ..synth import audible as audible_of
from ..synth import own_note as own_note_of
from ..synth.capabilities import AUDIBLE, CANONICAL, CONDITIONAL_PRIOR
from .probes import (
    NOTE,
    QUIETEST,
    ROUNDING,
    ConformanceError,
    check_audio,
    ensure,
    patches_of,
    same_sound,
)

_NOTES = (NOTE, Note(84, 30, 0.05, 0.2))


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


def prior_given(synth: Synth) -> None:
    """Check that draws for given values have them, lie in the cube, and follow their generator."""
    own = CONDITIONAL_PRIOR.of(synth)
    if own is None:
        return
    space = synth.space
    values = patches_of(synth, 2, seed=7)[1]
    for name in space.names[:8]:
        given = {name: values[name]}
        drawn = own.sample_given(np.random.default_rng(1), 8, given)
        shape = [8, len(space)]
        ensure(
            drawn.shape == tuple(shape),
            f"sample_given gives shape {list(drawn.shape)}; return {shape}",
        )
        space.check_vectors(drawn)
        same = own.sample_given(np.random.default_rng(1), 8, given)
        ensure(np.array_equal(drawn, same), "the same seed draws other patches for given values")
        wrong = [value for v in drawn if (value := space.decode(v)[name]) != values[name]]
        ensure(not wrong, f"sample_given with {given} draws {name!r} as {wrong[:1]}")


def own_note(synth: Synth) -> None:
    """Check that the synth's own note, if it has one, stays the same and is audible."""
    note = own_note_of(synth)
    if note is None:
        return
    ensure(own_note_of(synth) == note, "its note changes; a synth plays one note of its own")
    samples = note.samples(synth.sample_rate)
    sounds = [synth.render(patch, note, synth.sample_rate) for patch in patches_of(synth, 4)]
    peak = max(np.abs(check_audio(sound, samples, f"render of {note}")).max() for sound in sounds)
    ensure(peak >= QUIETEST, f"four patches peak at {peak:.2g} at its own note; none is audible")


def audible(synth: Synth) -> None:
    """Check that a sound stays the same while coordinates that do not matter move."""
    own = AUDIBLE.of(synth)
    if own is None:
        return
    vectors = _vectors(synth)
    before = vectors.copy()
    mask = own.audible(vectors)
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != vectors.shape:
        raise ConformanceError(f"audible gives {_described(mask)}; return bool {vectors.shape}")
    ensure(np.array_equal(vectors, before), "audible changes the vectors it is given")
    moved = _moved(vectors, mask)
    for note in _NOTES:
        pairs = zip(*(render_batch(synth, x, note) for x in (vectors, moved)), strict=True)
        for row, (still, other) in enumerate(pairs):
            if _apart(still, other) > ROUNDING:
                _name_audible(synth, vectors[row], moved[row], ~mask[row], note)


def _name_audible(
    synth: Synth, vector: FloatArray, moved: FloatArray, still: BoolArray, note: Note
) -> None:
    """Refuse the mask; name the parameter that alone changes the sound, if one does."""
    columns = np.flatnonzero(still)
    singles = np.tile(vector, (len(columns), 1))
    singles[range(len(columns)), columns] = moved[columns]
    first, *sounds = render_batch(synth, np.concatenate([vector[None], singles]), note)
    guilty = [
        c for c, sound in zip(columns, sounds, strict=True) if _apart(first, sound) > ROUNDING
    ]
    named = ", ".join(repr(synth.space.names[c]) for c in guilty or columns)
    raise ConformanceError(
        f"audible says that {named} does not matter in a patch whose sound it changes"
    )


def canonical(synth: Synth) -> None:
    """Check that canonical vectors sound the same, stay, and are one for all that sound alike."""
    own = CANONICAL.of(synth)
    if own is None:
        return
    vectors = _vectors(synth)
    before = vectors.copy()
    labels = own.canonical(vectors)
    if not isinstance(labels, np.ndarray) or labels.shape != vectors.shape:
        raise ConformanceError(f"canonical gives {_described(labels)}; return {vectors.shape}")
    ensure(np.array_equal(vectors, before), "canonical changes the vectors it is given")
    synth.space.check_vectors(labels)
    for note in _NOTES:
        pairs = zip(*(render_batch(synth, x, note) for x in (vectors, labels)), strict=True)
        for given, other in pairs:
            same_sound(given, other, "a patch and its canonical vector sound different", ROUNDING)
    again = _changed(synth, labels, own.canonical(labels))
    ensure(not again, f"the canonical vector of a canonical vector has another {again}")
    moved = _moved(vectors, audible_of(synth, vectors))
    other = _changed(synth, labels, own.canonical(moved))
    ensure(
        not other, f"patches that differ in nothing audible get canonical vectors of other {other}"
    )


def _vectors(synth: Synth) -> FloatArray:
    """Return vectors ``[24, d]``, half of the prior and half of the cube."""
    rng = np.random.default_rng(5)
    return np.concatenate([sample_prior(synth, rng, 12), synth.space.sample(rng, 12)])


def _moved(vectors: FloatArray, mask: BoolArray) -> FloatArray:
    return np.where(mask, vectors, np.random.default_rng(6).random(vectors.shape))


def _changed(synth: Synth, a: FloatArray, b: FloatArray) -> str:
    """Return the names of parameters that two arrays of vectors give other native values."""
    close = np.isclose(synth.space.to_native(a), synth.space.to_native(b), rtol=1e-6, atol=1e-9)
    names = [p.name for p in synth.space.parameters]
    return ", ".join(repr(names[c]) for c in np.flatnonzero(~close.all(axis=0)))


def _apart(a: AudioArray, b: AudioArray) -> float:
    return float(np.abs(a.astype(np.float64) - b).max(initial=0.0))


def _described(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return type(value).__name__
