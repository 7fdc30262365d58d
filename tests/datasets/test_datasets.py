import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sine_synth import NOTE, RATE, SineSynth, sine_source

from synthmatch.datasets import (
    Dataset,
    RenderedBatches,
    StoredBatches,
    build_dataset,
    draw,
    prefetch,
    stream,
)
from synthmatch.datasets.batches import level
from synthmatch.errors import ParameterError, SynthmatchError, WeightsError
from synthmatch.parameters import ParameterSpace
from synthmatch.settings import Setting, Source

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'data' is not installed")

JSYN = Setting("short jsyn", "jsyn", NOTE, 16_384, "classes")


def test_batches_are_functions_of_their_number():
    batches = RenderedBatches(sine_source(), 6, seed=3)
    first = batches(5)
    batches(0)
    np.testing.assert_array_equal(batches(5).audio, first.audio)
    np.testing.assert_array_equal(RenderedBatches(sine_source(), 6, 3)(5).vectors, first.vectors)
    assert not np.array_equal(batches(6).vectors, first.vectors)


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
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "helpers")}
    done = subprocess.run([sys.executable, "-c", script, str(folder)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(WeightsError, match=r"unfinished: [3-5] of 8 shards"):
        Dataset(folder)
    files = sorted((folder / "shards").glob("*.parquet"))
    stamps = {f: f.stat().st_mtime_ns for f in files}
    files[1].write_bytes(files[1].read_bytes()[:100])  # what a power cut can do
    (folder / "shards" / ".123-abc").mkdir()
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
    with pytest.raises(WeightsError, match="another sounds, seed; use another folder"):
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
        (lambda f: f.write_text(f.read_text().replace('"version": 1', '"version": 2')), "upgrade"),
        (lambda f: f.write_text(f.read_text().replace('"sounds"', '"noises"')), "wrongly"),
    ],
)
def test_bad_descriptions(tmp_path, spoil, message):
    build_dataset(sine_source(), tmp_path, 4)
    spoil(tmp_path / "dataset.json")
    with pytest.raises(WeightsError, match=message):
        Dataset(tmp_path)


def test_damaged_shard(tmp_path):
    dataset = Dataset(build_dataset(sine_source(), tmp_path, 4))
    (tmp_path / "shards" / "000000.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(WeightsError, match="is damaged"):
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


def test_source_of_a_data_set(tmp_path):
    here = Dataset(build_dataset(JSYN, tmp_path / "jsyn", 4)).source()
    assert here.synth.name == "jsyn"
    away = Dataset(build_dataset(sine_source(), tmp_path / "sine", 4)).source()
    assert away.synth.space == SineSynth.space
    with pytest.raises(SynthmatchError, match="'sine' is not installed"):
        away.render(np.zeros((1, 3)))
    file = tmp_path / "jsyn" / "dataset.json"
    found = json.loads(file.read_text())
    found["space"] = ParameterSpace("jsyn", SineSynth.space.parameters).to_dict()
    file.write_text(json.dumps(found))
    with pytest.raises(WeightsError, match="other parameters"):
        Dataset(tmp_path / "jsyn").source()
