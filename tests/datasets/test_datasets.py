import contextlib
import dataclasses
import hashlib
import io
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sine_synth import NOTE, RATE, SineSynth, sine_source, with_helpers

from synthmatch.datasets import (
    Dataset,
    RenderedBatches,
    StoredBatches,
    build_dataset,
    draw,
    prefetch,
    stream,
)
from synthmatch.datasets.batches import level, order
from synthmatch.errors import BusyError, DatasetError, ParameterError, SynthmatchError
from synthmatch.parameters import ParameterSpace
from synthmatch.settings import Setting, Source
from synthmatch.synth import Note

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'data' is not installed")

HELPERS = Path(__file__).parents[1] / "helpers"
JSYN = Setting("short jsyn", "jsyn", NOTE, 16_384, "classes")


def test_batches_are_functions_of_their_number():
    batches = RenderedBatches(sine_source(), 6, seed=3)
    first = batches(5)
    batches(0)
    np.testing.assert_array_equal(batches(5).audio, first.audio)
    np.testing.assert_array_equal(RenderedBatches(sine_source(), 6, 3)(5).vectors, first.vectors)
    assert not np.array_equal(batches(6).vectors, first.vectors)


def test_a_relative_folder_is_the_same_for_workers_elsewhere(tmp_path, monkeypatch):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    pool = ProcessPoolExecutor(1, get_context("spawn"), os.chdir, (tmp_path / "there",))
    with pool:
        assert build_dataset(JSYN, "set", 6, shard=3, executor=pool) == Path("set")
    assert len(Dataset(tmp_path / "here" / "set")) == 6
    assert not list((tmp_path / "there").iterdir())


def test_an_option_may_be_a_path():
    setting = Setting("x", "jsyn", NOTE, 16_384, "classes", options={"plugin": Path("a", "b")})
    assert json.loads(json.dumps(setting.to_dict()))["options"] == {"plugin": str(Path("a", "b"))}


def test_splits_never_share_a_stream():
    draws = {
        tuple(stream(seed, split, index).integers(0, 2**63, 4))
        for seed in range(5)
        for split in ("train", "validation", "test")
        for index in range(20)
    }
    assert len(draws) == 5 * 3 * 20
    with pytest.raises(ParameterError, match="0 or more"):
        stream(-1, "train")


def test_sounds_are_those_of_their_vectors():
    batch = draw(sine_source(), stream(0, "train"), 10)
    synth = SineSynth()
    for vector, sound in zip(batch.vectors, batch.audio, strict=True):
        expected = synth.render(synth.space.decode(vector), NOTE, RATE)
        np.testing.assert_array_equal(sound, expected)


def test_gate():
    open_, gated = (draw(sine_source(), stream(1, "train"), 200, gate=g) for g in (None, -30.0))
    assert (level(open_.audio) < -30).any()
    assert (level(gated.audio) >= -30).all()
    kept = level(open_.audio) >= -30
    np.testing.assert_array_equal(gated.vectors[kept], open_.vectors[kept])
    with pytest.raises(ParameterError, match="quieter than 50 dB"):
        draw(sine_source(), stream(1, "train"), 2, gate=50.0)


def test_level_of_a_sine():
    sine = np.sin(2 * np.pi * 100 * np.arange(4000) / 4000).astype(np.float32)
    np.testing.assert_allclose(level(np.stack([sine, sine / 10])), [-3.0103, -23.0103], atol=1e-3)


def test_a_sound_that_is_not_finite_is_refused():
    class Broken(SineSynth):
        def render(self, patch, note, sample_rate):
            return np.full(note.samples(sample_rate), np.nan, dtype=np.float32)

    with pytest.raises(ParameterError, match=r"not finite, for \{'frequency'"):
        draw(Source(Broken(), sine_source().setting), stream(0, "train"), 3)


def test_prefetch_keeps_order_and_stops():
    batches = RenderedBatches(sine_source(), 2, 0)
    made = prefetch(batches, range(7))
    got = [batch.vectors for batch in made]
    np.testing.assert_array_equal(got, [batches(i).vectors for i in range(7)])
    endless = prefetch(batches, iter(int, 1))
    next(endless)
    endless.close()
    assert not [t for t in threading.enumerate() if t.name == "synthmatch-prefetch"]


def test_prefetch_hands_on_errors():
    def fail(index):
        raise ParameterError("no more")

    with pytest.raises(ParameterError, match="no more"):
        next(prefetch(fail, range(3)))


@pytest.mark.parametrize(("encoding", "error"), [("flac", 2**-23), ("float16", 2**-11)])
def test_round_trip(tmp_path, encoding, error):
    source = sine_source()
    seen = []
    folder = build_dataset(
        source,
        tmp_path / "data",
        50,
        seed=4,
        shard=16,
        encoding=encoding,
        progress=lambda *state: seen.append(state),
    )
    dataset = Dataset(folder)
    assert (len(dataset), dataset.shards) == (50, 4)
    assert dataset.space == source.synth.space
    batch = dataset.read(np.arange(50))
    expected = source.render(batch.vectors)
    np.testing.assert_allclose(batch.audio, expected, atol=error * np.abs(expected).max())
    assert [s[:2] for s in seen] == [(0, 50), (16, 50), (32, 50), (48, 50), (50, 50)]
    assert seen[-1][2] == 0.0
    some = dataset.read([49, 3, 17])
    np.testing.assert_array_equal(some.audio, batch.audio[[49, 3, 17]])
    with pytest.raises(ParameterError, match="from 0 to 49"):
        dataset.read([50])


def test_other_libraries_can_read_it(tmp_path):
    folder = build_dataset(sine_source(), tmp_path / "data", 20, shard=8)
    table = parquet.read_table(folder / "shards")
    rows = table.to_pylist()
    assert [row["index"] for row in rows] == list(range(20))
    synth = SineSynth()
    for row in rows:
        assert row["patch"] == dict(synth.space.decode(row["vector"]))
        assert row["note"] == {"pitch": 69.0, "velocity": 100, "held": 0.2, "total": 0.25}
        sound, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]))
        assert rate == row["sample_rate"] == RATE
        assert row["gain"] == 1.0
        expected = synth.render(synth.space.decode(row["vector"]), NOTE, RATE)
        np.testing.assert_allclose(sound, expected, atol=2**-22)


def test_sounds_beyond_full_scale_survive_flac(tmp_path):
    class Loud(SineSynth):
        def render(self, patch, note, sample_rate):
            return 5 * super().render(patch, note, sample_rate)

    source = Source(Loud(), sine_source().setting)
    batch = Dataset(build_dataset(source, tmp_path / "data", 20)).read(range(20))
    assert np.abs(batch.audio).max() > 3
    np.testing.assert_allclose(batch.audio, source.render(batch.vectors), atol=1e-6)


def everything(folder):
    tables = [parquet.read_table(f) for f in sorted((folder / "shards").glob("*.parquet"))]
    return [row for table in tables for row in table.to_pylist()]


def test_every_executor_renders_the_same(tmp_path):
    plain = everything(build_dataset(JSYN, tmp_path / "plain", 20, shard=5))
    with ThreadPoolExecutor(2) as pool:
        threads = build_dataset(JSYN, tmp_path / "threads", 20, shard=5, executor=pool)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        processes = build_dataset(JSYN, tmp_path / "processes", 20, shard=5, executor=pool)
    assert everything(threads) == everything(processes) == plain


def test_dask_cluster_renders_the_same(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    plain = build_dataset(JSYN, tmp_path / "plain", 20, shard=5)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(processes=True, **options) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as pool,
    ):
        folder = build_dataset(JSYN, tmp_path / "dask", 20, shard=5, executor=pool)
    assert everything(folder) == everything(plain)


def test_goes_on_after_kill_9(tmp_path):
    """Nothing is lost and nothing is doubled, and what was there is not rendered again."""
    script = textwrap.dedent(
        """
        import os, signal, sys
        from sine_synth import sine_source
        from synthmatch.datasets import build_dataset
        def die(there, of, left):
            if there >= 12:
                os.kill(os.getpid(), signal.SIGKILL)
        build_dataset(sine_source(), sys.argv[1], 30, shard=4, progress=die)
        """
    )
    folder = tmp_path / "data"
    environment = with_helpers()
    done = subprocess.run([sys.executable, "-c", script, str(folder)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(DatasetError, match=r"unfinished: [3-5] of 8 shards"):
        Dataset(folder)
    files = sorted((folder / "shards").glob("*.parquet"))
    stamps = {f: f.stat().st_mtime_ns for f in files}
    files[1].write_bytes(files[1].read_bytes()[:100])  # what a power cut can do
    (folder / "shards" / f".123-{'0a' * 8}").mkdir()
    seen = []
    build_dataset(sine_source(), folder, 30, shard=4, progress=lambda *s: seen.append(s))
    assert seen[0][0] == 4 * (len(files) - 1)
    assert files[0].stat().st_mtime_ns == stamps[files[0]]
    assert not list((folder / "shards").glob(".*"))
    straight = build_dataset(sine_source(), tmp_path / "straight", 30, shard=4)
    assert everything(folder) == everything(straight)
    assert [row["index"] for row in everything(folder)] == list(range(30))


def test_another_data_set_is_not_overwritten(tmp_path):
    build_dataset(sine_source(), tmp_path, 10, seed=1)
    with pytest.raises(DatasetError, match="differs in sounds, seed; use another folder"):
        build_dataset(sine_source(), tmp_path, 12, seed=2)
    build_dataset(sine_source(), tmp_path, 12, seed=2, overwrite=True)
    assert len(Dataset(tmp_path)) == 12


def test_a_worker_that_dies_is_one_line(tmp_path):
    with (
        ProcessPoolExecutor(1, get_context("spawn"), initializer=os._exit, initargs=(1,)) as pool,
        pytest.raises(SynthmatchError, match=r"a worker died .* run it again"),
    ):
        build_dataset(JSYN, tmp_path / "data", 4, executor=pool)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f.unlink(), "not a data set"),
        (lambda f: f.write_text("{"), "not readable JSON"),
        (lambda f: f.write_text("[1]"), "does not describe a synthmatch data set"),
        (lambda f: f.write_text('{"format": "other"}'), "does not describe"),
        (lambda f: f.write_text(f.read_text().replace('"version": 2', '"version": 3')), "upgrade"),
        (lambda f: f.write_text(f.read_text().replace('"sounds"', '"noises"')), "wrongly"),
    ],
)
def test_bad_descriptions(tmp_path, spoil, message):
    build_dataset(sine_source(), tmp_path, 4)
    spoil(tmp_path / "dataset.json")
    with pytest.raises(DatasetError, match=message):
        Dataset(tmp_path)


def test_damaged_shard(tmp_path):
    dataset = Dataset(build_dataset(sine_source(), tmp_path, 4))
    (tmp_path / "shards" / "000000.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(DatasetError, match="is damaged"):
        dataset.read([0])


def test_stored_batches_go_through_each_epoch_once(tmp_path):
    dataset = Dataset(build_dataset(sine_source("uniform"), tmp_path, 60, shard=7))
    batches = StoredBatches(dataset, 6, seed=0, rows=48)
    everything = {tuple(v) for v in dataset.read(range(48)).vectors}
    epochs = [[tuple(v) for i in range(8) for v in batches(8 * e + i).vectors] for e in (0, 1)]
    assert set(epochs[0]) == set(epochs[1]) == everything
    assert epochs[0] != epochs[1]
    again = StoredBatches(dataset, 6, seed=0, rows=48)
    np.testing.assert_array_equal(again(11).audio, batches(11).audio)
    with pytest.raises(ParameterError, match="batches of 49 from 48 of 60"):
        StoredBatches(dataset, 49, seed=0, rows=48)


def test_source_of_a_data_set(tmp_path, monkeypatch):
    here = Dataset(build_dataset(JSYN, tmp_path / "jsyn", 4)).source()
    assert here.synth.name == "jsyn"
    away = Dataset(build_dataset(sine_source(), tmp_path / "sine", 4)).source()
    assert away.synth.space == SineSynth.space
    with pytest.raises(SynthmatchError, match="'sine' is not installed"):
        away.render(np.zeros((1, 3)))

    class Newer(SineSynth):
        name = "jsyn"
        space = ParameterSpace("jsyn", SineSynth.space.parameters)

    monkeypatch.setattr("synthmatch.settings.load_synth", lambda name, **options: Newer())
    with pytest.raises(DatasetError, match="other parameters"):
        Dataset(tmp_path / "jsyn").source()


class Switchable(SineSynth):
    """A synth whose options change the sound, and which says what plays it."""

    def __init__(self, octave=1.0, backend="engine"):
        self.octave = octave
        self.backend_info = {"backend": backend, "path": f"/somewhere/{id(self)}"}

    def render(self, patch, note, sample_rate):
        sound = super().render(patch, note, sample_rate)
        return sound if self.octave == 1.0 else sound[::-1].copy()


def switchable(**options):
    return Source(Switchable(**options), sine_source().setting)


def interrupted(source, folder, after=8, **options):
    """Render until ``after`` sounds are there."""

    def stop(there, of, left):
        if there >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_dataset(source, folder, 30, shard=4, progress=stop, **options)


def test_another_backend_or_option_does_not_go_on_with_a_data_set(tmp_path):
    interrupted(switchable(), tmp_path)
    with pytest.raises(DatasetError, match="differs in backend; use another folder"):
        build_dataset(switchable(backend="plug-in"), tmp_path, 30, shard=4)
    with pytest.raises(DatasetError, match="not what 'sine' makes now, with another backend"):
        build_dataset(switchable(octave=2.0), tmp_path, 30, shard=4)
    build_dataset(switchable(), tmp_path, 30, shard=4)  # wherever it lies
    assert len(Dataset(tmp_path)) == 30


@pytest.mark.parametrize(
    "options",
    [
        *({"seed": -3}, {"gate": math.nan}, {"gate": math.inf}, {"shard": 0}, {"workers": 0}),
        *({"split": "tests"}, {"seed": 1.5}, {"shard": 10**9}, {"gate": 10.0}),
        {"encoding": "mp3"},
    ],
)
def test_a_start_that_fails_does_not_block_the_right_one(tmp_path, options):
    with pytest.raises(ParameterError):
        build_dataset(sine_source(), tmp_path, 8, **options)
    build_dataset(sine_source(), tmp_path, 8)
    assert len(Dataset(tmp_path)) == 8


def test_shards_of_a_killed_overwrite_are_not_taken_for_new_ones(tmp_path, monkeypatch):
    """Whatever step of an overwrite is the last, the sounds are those of the seed."""
    straight = {
        s: everything(build_dataset(sine_source(), tmp_path / f"{s}", 12, shard=4, seed=s))
        for s in (1, 2)
    }
    unlink = Path.unlink
    for last in range(6):
        folder = build_dataset(sine_source(), tmp_path / f"{last} steps", 12, shard=4, seed=1)
        steps = iter(range(100))

        def die(path, steps=steps, last=last, **options):
            if next(steps) == last:
                raise KeyboardInterrupt
            unlink(path, **options)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", die)
            with contextlib.suppress(KeyboardInterrupt):
                build_dataset(sine_source(), folder, 12, shard=4, seed=2, overwrite=True)
        for seed in (1, 2):
            try:
                build_dataset(sine_source(), folder, 12, shard=4, seed=seed)
            except DatasetError:
                continue
            assert everything(folder) == straight[seed]


def test_shards_without_a_description_are_nobodys(tmp_path):
    build_dataset(sine_source(), tmp_path, 8)
    (tmp_path / "dataset.json").unlink()
    with pytest.raises(DatasetError, match=r"has shards but no dataset\.json"):
        build_dataset(sine_source(), tmp_path, 8, seed=2)


def test_one_builder_at_a_time(tmp_path):
    def second(there, of, left):
        with pytest.raises(BusyError, match="another process renders a data set in"):
            build_dataset(sine_source(), tmp_path, 8)

    build_dataset(sine_source(), tmp_path, 8, progress=second)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dataset.json", "shards", "shards.jsonl"]


@pytest.mark.parametrize("encoding", ["flac", "float16"])
def test_every_flipped_bit_is_noticed(tmp_path, encoding):
    folder = build_dataset(sine_source(), tmp_path, 8, encoding=encoding)
    file = folder / "shards" / "000000.parquet"
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    for bit in rng.integers(8 * len(whole), size=60):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << (bit % 8)
        file.write_bytes(flipped)
        with pytest.raises(DatasetError, match=r"damaged or missing .*SHA-256"):
            Dataset(folder).read([0])


def rewrite(folder, change):
    """Change the table of the only shard, as someone could who knows how to hash it."""
    file = folder / "shards" / "000000.parquet"
    table = change(parquet.read_table(file))
    parquet.write_table(table, file)
    content = file.read_bytes()
    line = json.loads((folder / "shards.jsonl").read_text())
    line |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "shards.jsonl").write_text(json.dumps(line) + "\n")


def replaced(table, name, values, kind=None):
    import pyarrow

    column = pyarrow.array(values, kind or table[name].type)
    return table.set_column(table.column_names.index(name), name, column)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.slice(1), "7 rows for 8"),
        (lambda t: t.take([0, 1, 2, 3, 4, 5, 6, 6]), "doubled"),
        (lambda t: t.take([1, 0, 2, 3, 4, 5, 6, 7]), "out of order"),
        (lambda t: replaced(t, "gain", [None] * 8), "empty values"),
        (lambda t: replaced(t, "gain", [math.nan] * 8), "gains"),
        (lambda t: replaced(t, "gain", [-1.0] * 8), "gains"),
        (lambda t: replaced(t, "vector", [[0.5, 0.5, 2.0]] * 8), "numbers from 0 to 1"),
        (lambda t: replaced(t, "vector", [[0.5, 0.5, None]] * 8), "empty values"),
        (lambda t: replaced(t, "audio", [{"bytes": b"RIFF", "path": ""}] * 8), "damaged"),
        (lambda t: replaced(t, "audio", [{"bytes": None, "path": ""}] * 8), "empty sounds"),
        (lambda t: t.drop_columns(["gain"]), "damaged"),
        (lambda t: t.rename_columns([*t.column_names[:-1], "sound"]), "damaged"),
    ],
)
def test_shards_are_checked_against_the_description(tmp_path, change, message):
    folder = build_dataset(sine_source(), tmp_path, 8)
    rewrite(folder, change)
    with pytest.raises(DatasetError, match=message) as caught:
        Dataset(folder).read([0])
    assert "\n" not in str(caught.value)


def test_sounds_of_another_length_are_refused(tmp_path):
    short = dataclasses.replace(sine_source().setting, note=Note(69, 100, 0.1, 0.2))
    folder = build_dataset(sine_source(), tmp_path / "a", 8)
    other = build_dataset(Source(SineSynth(), short), tmp_path / "b", 8)
    theirs = parquet.read_table(other / "shards")
    rewrite(folder, lambda t: theirs)
    with pytest.raises(DatasetError, match="a sound of 800 samples at 4000 Hz, not of 1,000"):
        Dataset(folder).read([0])


@pytest.mark.parametrize(
    "change",
    [
        {"sounds": 10**9},
        {"sounds": "8"},
        {"sounds": True},
        {"shard": 10**9},
        {"shard": 0},
        {"seed": -1},
        {"split": ["train"]},
        {"encoding": "mp3"},
        {"gate": "loud"},
        {"gate": math.nan},
        {"setting": {"name": "x"}},
        {"setting": 5},
        {"space": {"synth": "sine", "parameters": 5, "frozen": {}}},
        {"space": ParameterSpace("other", SineSynth.space.parameters).to_dict()},
        {"backend": [1]},
    ],
)
def test_descriptions_are_checked_in_bounded_time(tmp_path, change):
    build_dataset(sine_source(), tmp_path, 8)
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    began = time.perf_counter()
    with pytest.raises(DatasetError) as caught:
        Dataset(tmp_path)
    assert time.perf_counter() - began < 10.0
    assert "\n" not in str(caught.value)


def test_orders_of_seeds_and_epochs_never_collide():
    """A list of seed and epoch would: numpy pads it with zeros and splits large numbers."""
    drawn = [order(s, e).integers(2**63) for s in (0, 1, 2**32, 2**64) for e in (0, 1, 2)]
    drawn += [stream(s, "train", e).integers(2**63) for s in (0, 1, 2**32) for e in (0, 1, 2)]
    assert len(set(drawn)) == len(drawn)


LOADED = """
import sys, time
from sine_synth import sine_source
from synthmatch.datasets import build_dataset
def show(there, of, left):
    print(there, flush=True)
if __name__ == "__main__":
    build_dataset(sine_source(), sys.argv[1], 40_000, shard=16, workers=2, progress=show)
"""


def is_running(pid):
    """Tell whether a process exists and is no zombie that nobody has waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_workers_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "render.py"
    script.write_text(LOADED)
    environment = with_helpers()
    command = [sys.executable, str(script), str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        for _ in range(4):
            assert process.stdout.readline()
        children = [
            int(c)
            for t in Path(f"/proc/{process.pid}/task").iterdir()
            for c in (t / "children").read_text().split()
        ]
        assert len(children) >= 2
        process.kill()
        process.wait()
    deadline = time.monotonic() + 10
    while any(is_running(child) for child in children):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.05)


def test_same_bytes_from_a_dask_cluster_whose_workers_were_killed(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    plain = build_dataset(JSYN, tmp_path / "plain", 60, shard=2)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    killed = []
    with distributed.LocalCluster(processes=True, **options) as cluster:

        def kill(there, of, left):
            if there >= 10 + 20 * len(killed) and len(killed) < 2:
                alive = {worker.pid for worker in cluster.workers.values()} - {None, *killed}
                killed.append(min(alive))
                os.kill(killed[-1], signal.SIGKILL)

        address = cluster.scheduler_address
        dask = build_dataset(JSYN, tmp_path / "dask", 60, shard=2, scheduler=address, progress=kill)
    assert len(set(killed)) == 2
    files = [p.relative_to(plain) for p in sorted(plain.rglob("*")) if p.is_file()]
    assert files == [p.relative_to(dask) for p in sorted(dask.rglob("*")) if p.is_file()]
    assert all((plain / f).read_bytes() == (dask / f).read_bytes() for f in files)


class Deadly(SineSynth):
    """Ends the process that plays it."""

    def render(self, patch, note, sample_rate):
        os._exit(1)


def test_dask_workers_that_all_die_are_one_line(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    import dask

    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(processes=True, **options) as cluster,
        pytest.raises(
            DatasetError, match=r"a worker failed \(KilledWorker.* run it again"
        ) as caught,
    ):
        source = Source(Deadly(), sine_source().setting)
        build_dataset(source, tmp_path, 4, scheduler=cluster.scheduler_address)
    assert "\n" not in str(caught.value)


def test_no_scheduler_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr("synthmatch.datasets.workers._TIMEOUT", 0.5)
    with pytest.raises(DatasetError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        build_dataset(sine_source(), tmp_path, 4, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(ParameterError, match="either workers"):
        build_dataset(sine_source(), tmp_path, 4, scheduler="tcp://127.0.0.1:9", workers=2)
