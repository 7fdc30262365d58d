"""Every installed synth keeps every rule, and every rule catches a synth that breaks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import numpy as np
import pytest

from synthmatch import Note, Parameter, ParameterSpace, Patch, list_synths, testing
from synthmatch.errors import PresetError, SynthmatchError
from synthmatch.registry import load_synth
from synthmatch.synth import FrozenSynth

EXAMPLES = Path(__file__).parents[2] / "examples"


class Tone:
    """A decaying pair of partials, or a square; keeps every rule, optional parts included."""

    name = "tone"
    sample_rate = 8000
    suffixes = (".tone",)
    note = Note(69, 100, 0.4, 0.6)
    space = ParameterSpace(
        "tone",
        [
            Parameter.continuous("decay", 0.02, 2.0, scale="log", default=0.3),
            Parameter.continuous("level", 0.1, 1.0, default=0.7),
            Parameter.ordinal("ratio", [1, 2, 3], default=2),
            Parameter.categorical("shape", ["sine", "square"]),
        ],
    )

    def render(self, patch, note, sample_rate):
        t = np.arange(note.samples(sample_rate)) / sample_rate
        phase = 2 * np.pi * note.frequency * t
        wave = np.sin(phase) + 0.5 * np.sin(patch["ratio"] * phase)
        wave = np.sign(np.sin(phase)) if patch["shape"] == "square" else wave
        gate = np.where(t < note.held, 1.0, np.exp(-(t - note.held) / 0.02))
        sound = (
            0.3 * patch["level"] * note.velocity / 127 * np.exp(-t / patch["decay"]) * gate * wave
        )
        return sound.astype(np.float32)

    def render_batch(self, vectors, note, sample_rate):
        out = np.empty((len(vectors), note.samples(sample_rate)), dtype=np.float32)
        for row, vector in zip(out, vectors, strict=True):
            row[:] = self.render(self.space.decode(vector), note, sample_rate)
        return out

    def render_excerpts(self, vectors, note, sample_rate, spans):
        whole = Tone.render_batch(self, vectors, note, sample_rate)
        return np.concatenate([whole[:, first:last] for first, last in spans], axis=1)

    def sample(self, rng, n):
        return 0.25 + rng.random((n, len(self.space))) / 2

    def sample_given(self, rng, n, given):
        x = self.sample(rng, n)
        for name, value in given.items():
            x[:, self.space.names.index(name)] = self.space[name].unit_value(value)
        return x

    def audible(self, vectors):
        """Say that a square has no partials to tune."""
        mask = np.ones(vectors.shape, dtype=bool)
        mask[:, 2] = vectors[:, 3] < 0.5
        return mask

    def canonical(self, vectors):
        return np.where(Tone.audible(self, vectors), vectors, 0.5)

    def save_patch(self, patch, path):
        Path(path).write_text("TONE" + json.dumps(dict(patch)))

    def load_patch(self, path):
        text = Path(path).read_bytes()
        if text[:4] != b"TONE":
            raise PresetError(f"{path} is no tone preset")
        try:
            return Patch("tone", json.loads(text[4:]))
        except ValueError:
            raise PresetError(f"{path} is cut short") from None


class Plain:
    """Only what a synth must have."""

    name, sample_rate, space, render = "tone", 8000, Tone.space, Tone.render


@testing.parametrize(*list_synths(), Tone, Plain, FrozenSynth(Tone(), {"ratio": 3, "decay": 0.5}))
def test_synths_keep_every_rule(check):
    check()


# One synth, or more, for each rule, that breaks it.


class Nameless(Tone):
    name = "two words"


class Misnamed(Tone):
    name = "bell"


class Rateless(Tone):
    sample_rate = 44100.0


class Spaceless(Tone):
    space = dict


class Speechless:
    name, sample_rate, space = Tone.name, Tone.sample_rate, Tone.space


class Forgetful(Tone):
    class space(ParameterSpace):
        def encode(self, patch):
            return super().encode({**patch, "level": 0.1})

    space = space("tone", Tone.space.parameters)


class Unwritable(Tone):
    class space(ParameterSpace):
        def to_dict(self):
            return {**super().to_dict(), "synth": "other"}

    space = space("tone", Tone.space.parameters)


class Double(Tone):
    def render(self, patch, note, sample_rate):
        return super().render(patch, note, sample_rate).astype(np.float64)


class Listed(Tone):
    def render(self, patch, note, sample_rate):
        return super().render(patch, note, sample_rate).tolist()


class Long(Tone):
    def render(self, patch, note, sample_rate):
        return np.pad(super().render(patch, note, sample_rate), (0, 1))


class Stereo(Tone):
    def render(self, patch, note, sample_rate):
        return super().render(patch, note, sample_rate)[:, None]


class Loud(Tone):
    def render(self, patch, note, sample_rate):
        return 32768 * super().render(patch, note, sample_rate)


class Silent(Tone):
    def render(self, patch, note, sample_rate):
        return 0 * super().render(patch, note, sample_rate)


class Deaf(Tone):
    def render(self, patch, note, sample_rate):
        return super().render(self.space.patch(), note, sample_rate)


class Fragile(Tone):
    def render(self, patch, note, sample_rate):
        sound = super().render(patch, note, sample_rate)
        return sound / np.float32(patch["decay"] < 2.0)


class Whole(Tone):
    """Plays whole notes only."""

    def render(self, patch, note, sample_rate):
        table = dict.fromkeys(range(128), 0)
        return super().render(patch, note, sample_rate) + np.float32(table[note.pitch])


class Impatient(Tone):
    """Needs more than one sample."""

    def render(self, patch, note, sample_rate):
        sound = super().render(patch, note, sample_rate)
        return sound * (np.float32(1) / np.float32(len(sound) - 1))


class Running(Tone):
    """Its phase runs on from note to note."""

    turned = 0

    def render(self, patch, note, sample_rate):
        self.turned += 1
        return np.roll(super().render(patch, note, sample_rate), self.turned)


class Thrifty(Tone):
    """Uses one buffer for all its sounds."""

    def __init__(self):
        self.buffer = {}

    def render(self, patch, note, sample_rate):
        sound = super().render(patch, note, sample_rate)
        kept = self.buffer.setdefault(len(sound), sound)
        kept[:] = sound
        return kept


class Remembering(Tone):
    """Hands out the same array again for the same sound."""

    def __init__(self):
        self.sounds = {}

    def render(self, patch, note, sample_rate):
        key = (patch, note, sample_rate)
        if key not in self.sounds:
            self.sounds[key] = super().render(patch, note, sample_rate)
        return self.sounds[key]


class Meddling(Tone):
    def render_batch(self, vectors, note, sample_rate):
        vectors[:] = 0.5
        return super().render_batch(vectors, note, sample_rate)


class InPlace(Tone):
    def render_batch(self, vectors, note, sample_rate):
        vectors *= 1.0
        return super().render_batch(vectors, note, sample_rate)


class Normalizing(Tone):
    def render_batch(self, vectors, note, sample_rate):
        out = super().render_batch(vectors, note, sample_rate)
        return out / np.abs(out).max(initial=1e-9)


class Neighbourly(Tone):
    def render_batch(self, vectors, note, sample_rate):
        out = super().render_batch(vectors, note, sample_rate)
        return out + np.float32(1e-3) * np.arange(len(out), dtype=np.float32)[:, None]


class Local(Tone):
    """Depends on the process it runs in."""

    def render(self, patch, note, sample_rate):
        return super().render(patch, note, sample_rate) * np.float32(1 + os.getpid() % 9973 * 1e-5)


class Crashing(Tone):
    """Takes its process with it, anywhere but in this one."""

    home = os.getpid()

    def __init__(self):
        self.home = os.getpid()

    def render(self, patch, note, sample_rate):
        if os.getpid() != self.home:
            os._exit(3)
        return super().render(patch, note, sample_rate)


class Unsettled(Tone):
    """Fails anywhere but in this process."""

    def __init__(self):
        self.home = os.getpid()

    def render(self, patch, note, sample_rate):
        if os.getpid() != self.home:
            raise OSError("the licence is at home")
        return super().render(patch, note, sample_rate)


class Shifted(Tone):
    """Does not know its sample rate."""

    def render(self, patch, note, sample_rate):
        samples = note.samples(sample_rate)
        length = samples / self.sample_rate
        held = min(note.held * sample_rate / self.sample_rate, length)
        longer = Note(note.pitch, note.velocity, held, length)
        return super().render(patch, longer, self.sample_rate)[:samples]


class Hasty(Tone):
    """Its envelope alone does not know the sample rate."""

    def render(self, patch, note, sample_rate):
        steady = self.space.patch({**patch, "decay": 2.0})
        sound = super().render(steady, note, sample_rate)
        t = np.arange(len(sound)) / self.sample_rate
        return sound * np.exp(-t / 0.1).astype(np.float32)


class Fixed(Tone):
    def render(self, patch, note, sample_rate):
        return super().render(patch, note, 44100)


class Unbounded(Tone):
    def sample(self, rng, n):
        return rng.normal(size=(n, 4))


class Flat(Tone):
    def sample(self, rng, n):
        return rng.random(n)


class Wilful(Tone):
    def sample(self, rng, n):
        return np.random.default_rng().random((n, 4))


class Stubborn(Tone):
    def sample(self, rng, n):
        return np.random.default_rng(0).random((n, 4))


class Unheeding(Tone):
    def sample_given(self, rng, n, given):
        return self.sample(rng, n)


class Shouting(Tone):
    suffixes = (".TONE",)


class Lossy(Tone):
    def save_patch(self, patch, path):
        super().save_patch({**patch, "level": round(patch["level"], 2)}, path)


class Swapping(Tone):
    def save_patch(self, patch, path):
        shape = {"sine": "square", "square": "sine"}[patch["shape"]]
        super().save_patch({**patch, "shape": shape}, path)


class Counting(Tone):
    """Writes into the file it reads."""

    def load_patch(self, path):
        patch = super().load_patch(path)
        Path(path).write_bytes(Path(path).read_bytes() + b" ")
        return patch


class Drifting(Tone):
    """Loses a little at every save."""

    def save_patch(self, patch, path):
        level = max(0.1, patch["level"] - 2e-7)
        super().save_patch({**patch, "level": level}, path)


class Otherwise(Tone):
    """Its banks hold other patches than its files."""

    def load_bank(self, path):
        return [("first", self.space.patch())]


class Pathy(Tone):
    """Takes paths of one type only."""

    def load_patch(self, path):
        path.read_bytes()
        return super().load_patch(path)


class Begun(Tone):
    """Has a stray attribute, and a part of banks."""

    suffixes = ".tone"
    canonical = True

    def load_bank(self, path):
        return []


class Partial(Plain):
    def save_patch(self, patch, path):
        raise AssertionError


class Misrated(Tone):
    """Its default rate is not its own."""

    def render(self, patch, note, sample_rate=44100):
        return super().render(patch, note, sample_rate)


class Wandering(Tone):
    @property
    def note(self):
        return Note(
            int(np.random.default_rng().integers(100)) + 0.5 * np.random.default_rng().random()
        )


class Mute(Tone):
    """Is silent at its own note."""

    def render(self, patch, note, sample_rate):
        return super().render(patch, note, sample_rate) * np.float32(note != self.note)


class Brief(Tone):
    """Gives up after the first part."""

    def render_excerpts(self, vectors, note, sample_rate, spans):
        parts = super().render_excerpts(vectors, note, sample_rate, spans)
        parts[:, spans[0][1] - spans[0][0] :] = 0.0
        return parts


class Entire(Tone):
    def render_excerpts(self, vectors, note, sample_rate, spans):
        return self.render_batch(vectors, note, sample_rate)


class Fading(Tone):
    """The later in a batch, the softer."""

    def render_excerpts(self, vectors, note, sample_rate, spans):
        parts = super().render_excerpts(vectors, note, sample_rate, spans)
        return parts / np.arange(1, len(vectors) + 1, dtype=np.float32)[:, None]


class Presuming(Tone):
    """Takes the partials for inaudible in any shape."""

    def audible(self, vectors):
        return np.tile([True, True, False, True], (len(vectors), 1))


class Numbering(Tone):
    def audible(self, vectors):
        return super().audible(vectors).astype(float)


class Marking(Tone):
    def audible(self, vectors):
        mask = super().audible(vectors)
        vectors[:, 2] = 0.0
        return mask


class Squaring(Tone):
    """Its canonical patches are all squares."""

    def canonical(self, vectors):
        labels = super().canonical(vectors)
        labels[:, 3] = 1.0
        return labels


class Halving(Tone):
    """Its canonical vectors are no canonical vectors."""

    def canonical(self, vectors):
        labels = vectors.copy()
        labels[:, 2] = np.where(Tone.audible(self, vectors)[:, 2], vectors[:, 2], 1 - vectors[:, 2])
        return labels


class Partway(Tone):
    """Leaves what does not matter where it is."""

    def canonical(self, vectors):
        return vectors.copy()


class Beyond(Tone):
    def canonical(self, vectors):
        return vectors + 1.0


class Credulous(Tone):
    def load_patch(self, path):
        try:
            return super().load_patch(path)
        except PresetError:
            return self.space.patch()


class Raw(Tone):
    """Lets errors of its parser through."""

    def load_patch(self, path):
        content = Path(path).read_bytes()
        if content[:4] != b"TONE":
            raise PresetError("no")
        return Patch("tone", json.loads(content[4:]))


BROKEN = [
    ("interface", Nameless, "name is 'two words'; give a word"),
    ("interface", Misnamed, "name is 'bell' and space.synth 'tone'"),
    ("interface", Rateless, "sample_rate is 44100.0"),
    ("interface", Spaceless, "space is of type type"),
    ("interface", Speechless, "it has no render; a synth needs name, space, sample_rate, render"),
    ("whole_capabilities", Begun, "as a PresetSynth, suffixes is str, not a tuple of str"),
    ("whole_capabilities", Begun, "as a CanonicalSynth, canonical is bool, not a method"),
    ("whole_capabilities", Partial, "as a PresetSynth, it lacks suffixes, load_patch"),
    ("encode_decode", Forgetful, r"decode\(encode\(patch\)\) turns 'level' from"),
    ("encode_decode", Unwritable, "from_dict"),
    ("audio_format", Double, "gives float64; return float32"),
    ("audio_format", Listed, "gives list; return a numpy array"),
    ("audio_format", Long, r"gives shape \[4001\]; return \[4000\]"),
    ("audio_format", Stereo, r"gives shape \[4000, 1\]"),
    ("audio_level", Loud, "peaks at"),
    ("audio_level", Silent, "none is audible"),
    ("render_defaults", Misrated, "is not render at the synth's own 8000 Hz"),
    ("parameters_matter", Deaf, "eight different patches make one sound"),
    ("cube_corners", Fragile, "with every parameter at 1 gives NaN or infinite"),
    ("note_extremes", Whole, "60.5"),
    ("note_extremes", Impatient, "NaN or infinite samples"),
    ("purity", Running, "sounds different after others were rendered"),
    ("inputs_untouched", Thrifty, "writing into a sound changes the next"),
    ("inputs_untouched", Remembering, "writing into a sound changes the next"),
    ("inputs_untouched", Meddling, "changes the vectors"),
    ("inputs_untouched", InPlace, "read-only"),
    ("batch_equals_singles", Normalizing, "different alone and in a batch"),
    ("batch_equals_singles", Neighbourly, "different alone and in a batch"),
    ("excerpts", Brief, "dB from what the whole sounds like there"),
    ("excerpts", Entire, r"gives float32 \[6, 4000\]; return float32 \(6, 2400\)"),
    ("excerpts", Fading, "different elsewhere in a batch"),
    ("fresh_process", Local, "different in another process; seed"),
    ("fresh_process", Crashing, "dies before it has rendered"),
    ("fresh_process", Unsettled, "cannot render: OSError: the licence is at home"),
    ("sample_rates", Shifted, "spectrum at 16000 Hz is the one at 8000 Hz in samples"),
    ("sample_rates", Hasty, "envelope at 16000 Hz is the one at 8000 Hz in samples"),
    ("sample_rates", Fixed, r"render at 8000 Hz gives shape \[22050\]"),
    ("prior", Unbounded, "run from 0 to 1"),
    ("prior", Flat, r"gives shape \[64\]; return \[64, 4\]"),
    ("prior", Wilful, "the same seed draws other patches"),
    ("prior", Stubborn, "every seed draws the same"),
    ("prior_given", Unheeding, "draws 'decay' as"),
    ("own_note", Wandering, "its note changes"),
    ("own_note", Mute, "four patches peak at 0 at its own note"),
    ("audible", Presuming, "'ratio' does not matter in a patch whose sound it changes"),
    ("audible", Numbering, r"gives float64 \(24, 4\); return bool \(24, 4\)"),
    ("audible", Marking, "changes the vectors"),
    ("canonical", Squaring, "a patch and its canonical vector sound different"),
    ("canonical", Halving, "canonical vector of a canonical vector has another 'ratio'"),
    ("canonical", Partway, "nothing audible get canonical vectors of other 'ratio'"),
    ("canonical", Beyond, "run from 0 to 1"),
    ("preset_paths", Pathy, r"load_patch does not take a path of type str .* path = Path\(path\)"),
    ("preset_files", Shouting, "lower case"),
    ("preset_files", Lossy, r"a \.tone file turns 'level' from"),
    ("preset_files", Swapping, r"a \.tone file turns 'shape' from"),
    ("preset_files", Counting, "changes the file"),
    ("preset_files", Drifting, r"a \.tone file saved again turns 'level'"),
    ("preset_files", Otherwise, r"load_bank of a \.tone file turns"),
    ("foreign_files", Credulous, r"an empty \.tone file is taken for a preset"),
    ("foreign_files", Raw, r"a \.tone file cut short raises JSONDecodeError"),
]


@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value|overflow):RuntimeWarning")
@pytest.mark.parametrize(("rule", "broken", "message"), BROKEN)
def test_each_rule_catches_a_synth_that_breaks_it(rule, broken, message):
    check = {r.__name__: r for r in testing.RULES}[rule]
    with pytest.raises(Exception, match=message) as caught:
        check(broken())
    assert isinstance(caught.value, SynthmatchError) or broken is Whole
    assert "\n" not in str(caught.value)


def test_every_rule_has_a_synth_that_breaks_it():
    assert {rule.__name__ for rule in testing.RULES} == {rule for rule, _, _ in BROKEN}


def test_check_synth_runs_them_all_and_names_the_rule_that_is_broken():
    assert testing.check_synth(Tone()) == []
    with pytest.raises(testing.ConformanceError, match=r"^prior: the same seed draws"):
        testing.check_synth(Wilful())
    with pytest.raises(testing.ConformanceError, match=r"^note_extremes: KeyError: 60\.5"):
        testing.check_synth(Whole())


class Careless(Stubborn, Lossy, Silent):
    """Breaks rules of everything."""


@pytest.mark.parametrize(
    ("synth", "broken", "unchecked"),
    [
        (
            Careless,
            ["audio_level", "parameters_matter", "own_note", "prior", "preset_files"],
            {},
        ),
        (
            type("Mixed", (Stubborn, Double), {}),
            ["audio_format", "prior"],
            dict.fromkeys(
                ["audio_level", "purity", "batch_equals_singles", "fresh_process", "canonical"],
                "audio_format",
            ),
        ),
        (
            Speechless,
            ["interface"],
            dict.fromkeys([r.__name__ for r in testing.RULES[1:]], "interface"),
        ),
    ],
)
def test_check_synth_tells_of_every_broken_rule_and_of_what_it_could_not_check(
    synth, broken, unchecked
):
    with pytest.raises(testing.ConformanceError) as caught:
        testing.check_synth(synth())
    lines = dict(line.split(": ", 1) for line in str(caught.value).split("\n"))
    skipped = {name for name, text in lines.items() if text.startswith("not checked, ")}
    assert [name for name in lines if name not in skipped] == broken
    for name, needed in unchecked.items():
        assert lines[name] == f"not checked, it needs {needed}"
    assert not skipped if not unchecked else skipped >= unchecked.keys()


def test_a_synth_that_cannot_travel_is_left_out_with_the_reason():
    class Here(Tone):
        pass

    (left_out,) = testing.check_synth(Here())
    assert left_out.startswith("fresh_process: not checked, synth 'tone' cannot be sent to another")
    assert "is not installed under that name" in left_out


def test_a_synth_that_cannot_travel_is_loaded_there_by_its_name(tmp_path, monkeypatch):
    """The class is local to a function, so only its entry point leads to it."""
    info = tmp_path / "tones-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tones\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[synthmatch.synths]\ntone = tones:make\n")
    (tmp_path / "tones.py").write_text(
        "from test_conformance import Tone\n"
        "def make():\n"
        "    class Here(Tone):\n"
        "        pass\n"
        "    return Here()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert testing.check_synth(load_synth("tone")) == []


@pytest.mark.parametrize(
    ("folder", "source", "name"),
    [("third_party_adapter", "src", "plucked"), ("minimal_adapter", ".", "chime")],
)
def test_the_examples_of_third_parties_keep_every_rule(tmp_path, monkeypatch, folder, source, name):
    """Found by the entry point of their pyproject, without being installed."""
    example = EXAMPLES / folder
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    entries = project["entry-points"]["synthmatch.synths"]
    info = tmp_path / f"{project['name'].replace('-', '_')}-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\n")
    lines = [f"{key} = {value}" for key, value in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[synthmatch.synths]", *lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(example / source))
    assert list(entries) == [name]
    assert testing.check_synth(load_synth(name)) == []


def test_the_minimal_adapter_stays_minimal():
    files = list((EXAMPLES / "minimal_adapter").rglob("*.py"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert len(files) == 2 and len(lines) <= 45


def test_the_decorator_gives_each_rule_an_id_and_skips_with_a_reason(tmp_path):
    (tmp_path / "test_foreign.py").write_text(
        textwrap.dedent(
            f"""
            import sys
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            from synthmatch import testing
            from test_conformance import Lossy, Tone

            class Lost(Lossy):
                __reduce__ = None

            @testing.parametrize(Tone, Lost)
            def test_it(check):
                check()
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rsf", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
        check=False,
    )
    count = len(testing.RULES)
    assert f"1 failed, {2 * count - 2} passed, 1 skipped" in done.stdout, done.stdout
    assert "test_it[Lost-preset_files]" in done.stdout
    assert "cannot be sent to another process" in done.stdout
