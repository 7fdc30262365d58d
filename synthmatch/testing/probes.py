"""What the rules of the conformance kit are made of: sounds to compare and ways to compare them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler

import numpy as np

from ..errors import SynthmatchError
from ..parameters import FloatArray, Patch
from ..registry import list_synths, load_synth
from ..synth import AudioArray, Note, Synth, sample_prior

FRESH_PROCESS_SECONDS = 120.0
NOTE = Note(pitch=57, velocity=100, held=0.3, total=0.5)
LOUDEST = 8.0  # of full scale (+18 dB): more than any level a player could have meant
QUIETEST = 1e-3  # of full scale (-60 dB)
ROUNDING = 1e-4  # of full scale: what is the same sound may be added up in another order
_FLOOR = -50.0  # dB under the maximum: what lies deeper is not compared


class ConformanceError(SynthmatchError):
    """A synth breaks a rule of the conformance kit."""


class RuleDoesNotApplyError(Exception):
    """A rule cannot be checked for this synth; the message says why."""


def ensure(kept: bool, message: str) -> None:
    """Raise ConformanceError with ``message`` unless the rule is ``kept``."""
    if not kept:
        raise ConformanceError(message)


def patches_of(synth: Synth, n: int, seed: int = 0) -> list[Patch]:
    """Return the default patch and ``n - 1`` more, drawn from the synth's prior."""
    drawn = sample_prior(synth, np.random.default_rng(seed), n - 1)
    return [synth.space.patch(), *(synth.space.decode(vector) for vector in drawn)]


def corners_of(synth: Synth) -> dict[str, FloatArray]:
    """Return vectors ``[d]`` with all parameters, and with each alone, at the ends of the cube."""
    d = len(synth.space)
    found = {f"every parameter at {end:g}": np.full(d, end) for end in (0.0, 1.0)}
    for column, name in enumerate(synth.space.names):
        for end in (0.0, 1.0):
            vector = np.full(d, 0.5)
            vector[column] = end
            found[f"parameter {name!r} at {end:g}, others in the middle"] = vector
    return found


def same_patch(synth: Synth, a: Patch, b: Patch, what: str, within: float = 0.0) -> None:
    """Refuse ``b`` unless it is ``a``, continuous parameters to ``within`` of their range."""
    ensure(list(a) == list(b) and a.synth == b.synth, f"{what} gives other parameters")
    for name in a:
        p = synth.space[name]
        close = (
            p.kind == "continuous" and abs(p.unit_value(a[name]) - p.unit_value(b[name])) <= within
        )
        ensure(
            a[name] == b[name] or close, f"{what} turns {name!r} from {a[name]!r} to {b[name]!r}"
        )


def same_sound(a: AudioArray, b: AudioArray, complaint: str, within: float = 0.0) -> None:
    """Refuse sound ``b`` unless its samples are those of ``a``, to ``within`` of full scale."""
    ensure(a.shape == b.shape, f"{complaint} (lengths {len(a)} and {len(b)})")
    apart = float(np.abs(a.astype(np.float64) - b).max(initial=0.0))
    ensure(apart <= within, f"{complaint} (samples up to {apart:.3g} apart)")


def check_audio(audio: object, samples: int, what: str, loudest: float = LOUDEST) -> AudioArray:
    """Return ``audio`` if it is finite ``float32 [samples]``, up to ``loudest``; else refuse it."""
    if not isinstance(audio, np.ndarray):
        raise ConformanceError(f"{what} gives {type(audio).__name__}; return a numpy array")
    ensure(audio.dtype == np.float32, f"{what} gives {audio.dtype}; return float32")
    ensure(
        audio.shape == (samples,),
        f"{what} gives shape {list(audio.shape)}; return [{samples}], note.samples(sample_rate)",
    )
    ensure(bool(np.isfinite(audio).all()), f"{what} gives NaN or infinite samples")
    peak = float(np.abs(audio).max())
    ensure(peak <= loudest, f"{what} peaks at {peak:.3g}; stay about [-1, 1], under {loudest:g}")
    return audio


def scale_distances(
    synth: Synth, patch: Patch, note: Note, rate: int
) -> Iterator[tuple[float, float]]:
    """Compare a sound at ``rate`` with itself at twice the rate, on two scales.

    Yields
    ------
    true, wrong : float
        Mean difference in dB, first of spectra, then of envelopes: with frequencies in
        Hz and times in seconds, and with both in samples, as if the synth did not know
        its sample rate.
    """
    slow = synth.render(patch, note, rate).astype(np.float64)
    fast = synth.render(patch, note, 2 * rate).astype(np.float64)
    bands = np.geomspace(40.0, 0.2 * rate, 49)
    yield (
        _difference(_spectrum(slow, rate, bands), _spectrum(fast, 2 * rate, bands)),
        _difference(_spectrum(slow, rate, bands), _spectrum(fast, rate, bands)),
    )
    yield (
        _difference(_envelope(slow), _envelope(fast)),
        _difference(_envelope(slow), _envelope(fast[: len(slow)])),
    )


def parts_apart(ones: list[AudioArray], others: list[AudioArray], rate: int) -> float:
    """Return the mean difference in dB of spectra, level included, of parts of two sounds.

    Where both are quiet, they do not count.
    """
    bands = np.geomspace(40.0, 0.4 * rate, 49)
    powers = np.array(
        [[_spectrum(part.astype(np.float64), rate, bands) for part in x] for x in (ones, others)]
    )
    floor = max(float(powers.max()) * 10 ** (_FLOOR / 10), 1e-30)
    first, second = 10 * np.log10(powers + floor)
    loud = (powers > floor).any(axis=0)
    return float(np.abs(first - second)[loud].mean()) if loud.any() else 0.0


def _spectrum(audio: FloatArray, rate: int, edges: FloatArray) -> FloatArray:
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    total = np.concatenate([[0.0], np.cumsum(power)])
    below = np.interp(edges * len(audio) / rate, np.arange(len(total)), total)
    return np.diff(below)


def _envelope(audio: FloatArray, frames: int = 24) -> FloatArray:
    return np.array([np.mean(part**2) for part in np.array_split(audio, frames)])


def _difference(a: FloatArray, b: FloatArray) -> float:
    """Return the mean absolute difference in dB of two power profiles of any level."""

    def decibels(x: FloatArray) -> FloatArray:
        level = np.log10(np.maximum(x, 1e-30) / max(float(x.max()), 1e-30))
        return np.asarray(np.maximum(10 * level, _FLOOR), dtype=np.float64)

    return float(np.abs(decibels(a) - decibels(b)).mean())


def render_in_fresh_process(synth: Synth, patches: list[Patch], note: Note) -> list[AudioArray]:
    """Return the sounds of ``patches`` made by the synth in a newly started interpreter.

    The synth travels as it is, or by its registered name where it cannot be sent.

    Raises
    ------
    ConformanceError
        If the other process fails or takes more than two minutes.
    RuleDoesNotApplyError
        If the synth can neither be sent nor loaded by name.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    arguments = (sender, _recipe(synth), patches, note)
    process = context.Process(target=_render_there, args=arguments)
    process.start()
    sender.close()
    try:
        if not receiver.poll(FRESH_PROCESS_SECONDS):
            raise ConformanceError(
                f"a fresh process takes more than {FRESH_PROCESS_SECONDS:g} s to render a note"
            )
        answer: list[AudioArray] | str = receiver.recv()
        process.join(10.0)  # time to end workers of its own
    except EOFError:
        raise ConformanceError(
            "a fresh process dies before it has rendered a note; a script that calls the kit "
            'keeps the call under `if __name__ == "__main__":`'
        ) from None
    finally:
        process.kill()
        process.join()
        receiver.close()
    if isinstance(answer, str):
        raise ConformanceError(f"a fresh process cannot render: {answer}")
    return answer


def _recipe(synth: Synth) -> Synth | str:
    """Return what makes the synth in another process: itself if it can travel, or its name."""
    try:
        ForkingPickler.dumps(synth)
    except Exception:
        if synth.name not in list_synths():
            raise RuleDoesNotApplyError(
                f"synth {synth.name!r} cannot be sent to another process (define its class at "
                f"the top of a module) and is not installed under that name"
            ) from None
        if load_synth(synth.name).space != synth.space:
            raise RuleDoesNotApplyError(
                f"synth {synth.name!r} cannot be sent to another process, and the one "
                f"installed under its name has other parameters"
            ) from None
        return synth.name
    return synth


def _render_there(
    sender: Connection, recipe: Synth | str, patches: list[Patch], note: Note
) -> None:
    """Render in the fresh process; send the sounds, or what went wrong."""
    try:
        synth = load_synth(recipe) if isinstance(recipe, str) else recipe
        sender.send([synth.render(patch, note, synth.sample_rate) for patch in patches])
    except Exception as error:
        sender.send(f"{type(error).__name__}: {error}")
