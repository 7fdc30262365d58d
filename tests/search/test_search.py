import itertools

import numpy as np
import pytest

from synthmatch.errors import ParameterError, SynthmatchError
from synthmatch.objective import Objective
from synthmatch.parameters import Parameter, ParameterSpace
from synthmatch.search import DEFAULT, METHODS, Budget, SearchResult, loop, make_optimizer, search
from synthmatch.search.grid import Grid

CONTINUOUS = ParameterSpace("c", [Parameter.continuous(f"c{i}", -1, 1) for i in range(8)])
ORDINAL = ParameterSpace(
    "o", [Parameter.ordinal(f"o{i}", range(n)) for i, n in enumerate((2, 3, 9, 16, 31, 64))]
)
CATEGORICAL = ParameterSpace(
    "k", [Parameter.categorical(f"k{i}", range(n)) for i, n in enumerate((2, 3, 5, 8, 9, 12))]
)
MIXED = ParameterSpace(
    "m",
    [
        *CONTINUOUS.free[:5],
        Parameter.ordinal("only", [3.0]),
        *ORDINAL.free[1:4],
        *CATEGORICAL.free[:3],
        Parameter.continuous("held", 0, 1),
    ],
    {"held": 0.5},
)
SPACES = {"continuous": CONTINUOUS, "ordinal": ORDINAL, "categorical": CATEGORICAL, "mixed": MIXED}
BETTER = [name for name in METHODS if name != "random"]


class Bowl:
    """Squared distance to an optimum; another category than its is 0.25 away."""

    def __init__(self, space, seed=5):
        optimum = np.clip(space.sample(np.random.default_rng(seed), 1), 0.1, 0.9)
        self.grid = Grid(space)
        self.optimum = self.grid.snap(optimum)[0]
        self.tried = []

    def __call__(self, vectors):
        self.tried.append(vectors.copy())
        off = np.abs(vectors - self.optimum)
        off[:, self.grid.categorical] = 0.5 * (off[:, self.grid.categorical] > 1e-9)
        return (off**2).sum(axis=1)


class Clock:
    """Time that only passes while something is evaluated."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(loop.time, "perf_counter", lambda: self.now)

    def slow(self, evaluate, seconds):
        def wrapped(vectors):
            self.now += seconds * len(vectors)
            return evaluate(vectors)

        return wrapped


def run(method, space, evaluate, renders, seed=0, **options):
    optimizer = make_optimizer(method, space, np.random.default_rng(seed), **options)
    return search(evaluate, optimizer, Budget(renders=renders))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", SPACES)
def test_visits_only_points_of_the_space_and_none_twice(method, name):
    space = SPACES[name]
    bowl = Bowl(space)
    bowl.optimum[:] = 2.0  # out of reach, so that the search goes on
    result = run(method, space, bowl, 700)
    tried = np.concatenate(bowl.tried)
    assert tried.min() >= 0 and tried.max() <= 1
    discrete = [i for i, p in enumerate(space) if p.kind != "continuous"]
    centres = space.from_classes(space.to_classes(tried))
    np.testing.assert_array_equal(tried[:, discrete], centres[:, discrete])
    assert len(np.unique(tried, axis=0)) == len(tried) == result.renders == 700


@pytest.mark.parametrize("method", BETTER)
@pytest.mark.parametrize("name", SPACES)
def test_finds_a_known_optimum(method, name):
    bowl = Bowl(SPACES[name])
    result = run(method, SPACES[name], bowl, 3000)
    assert result.losses[0] < 1e-3
    np.testing.assert_allclose(result.vectors[0], bowl.optimum, atol=0.03)


def test_populations_that_no_longer_gain_are_merged_and_the_best_is_kept():
    bowl = Bowl(MIXED)
    bowl.optimum[:] = 2.0  # out of reach, so that the search goes on
    optimizer = make_optimizer("genetic", MIXED, 0, patience=100, islands=2, initial=50)
    levels, least, best = [], np.inf, []
    for _ in range(60):
        vectors = optimizer.ask()
        losses = bowl(vectors)
        least = min(least, losses.min())
        optimizer.tell(vectors, losses)
        islands = [optimizer._here, *optimizer._done]
        best.append(min((i.losses[0] for i in islands if len(i.losses)), default=np.inf))
        assert best[-1] == least
        levels.append(optimizer._here.level)
    assert levels[0] == 0 and {1, 2} <= set(levels)
    assert levels.index(1) < levels.index(2)


def test_islands_of_a_tiny_space_hold_each_point_once():
    tiny = ParameterSpace(
        "t", [Parameter.categorical("a", "xy"), Parameter.ordinal("b", [1, 2, 3])]
    )
    bowl = Bowl(tiny)
    optimizer = make_optimizer("genetic", tiny, 0, patience=10, islands=2, initial=12)
    for _ in range(40):
        vectors = optimizer.ask()
        optimizer.tell(vectors, bowl(vectors))
        rows = optimizer._here.vectors
        assert len(np.unique(rows, axis=0)) == len(rows) <= 6
    assert optimizer._here.level or optimizer._done


@pytest.mark.parametrize(("parameters", "patience"), [(5, 1000), (100, 2000)])
def test_a_population_of_many_parameters_has_more_time(parameters, patience):
    space = ParameterSpace(
        "t", [Parameter.continuous(f"p{i}", 0.0, 1.0) for i in range(parameters)]
    )
    optimizer = make_optimizer("genetic", space, 0)
    told = 0
    while not optimizer._done:
        vectors = optimizer.ask()
        optimizer.tell(vectors, np.ones(len(vectors)))
        told += len(vectors)
    # one span to have something to compare with, and one without a gain
    assert 2 * patience <= told < 2 * patience + 100


@pytest.mark.parametrize("wrong", [{"islands": 0}, {"patience": 0}, {"gain": 1.0}, {"gain": -0.1}])
def test_islands_are_checked(wrong):
    with pytest.raises(ParameterError, match="islands and patience"):
        make_optimizer("genetic", MIXED, 0, **wrong)


@pytest.mark.parametrize("method", BETTER)
@pytest.mark.parametrize("name", SPACES)
def test_beats_random_search_at_the_same_budget(method, name):
    def best(which):
        bowls = [Bowl(SPACES[name], 100 + seed) for seed in range(5)]
        return [run(which, SPACES[name], b, 400, seed=s).losses[0] for s, b in enumerate(bowls)]

    assert np.mean(best(method)) < 0.6 * np.mean(best("random"))


@pytest.mark.parametrize("method", METHODS)
def test_start_vectors_are_tried_first_and_never_lost(method):
    bowl = Bowl(MIXED)
    good = bowl.optimum + 0.02 * MIXED.sample(np.random.default_rng(1), 3)
    start = np.concatenate([MIXED.sample(np.random.default_rng(2), 2), good, good])
    grid = Grid(MIXED)
    result = run(method, MIXED, bowl, 200, start=start)
    first = np.concatenate(bowl.tried)[:5]
    np.testing.assert_array_equal(first, grid.snap(start)[:5])
    assert result.losses[0] <= bowl(grid.snap(start)).min()


@pytest.mark.parametrize("method", BETTER)
def test_a_warm_start_helps(method):
    bowl = Bowl(MIXED)
    grid = Grid(MIXED)
    rng = np.random.default_rng(3)
    start = grid.step(np.tile(bowl.optimum, (4, 1)), np.ones((4, len(MIXED))) > 0, 0.05, rng)
    start[:, grid.categorical] = bowl.optimum[grid.categorical]
    seeds = range(5)
    cold = [run(method, MIXED, bowl, 150, seed=s).losses[0] for s in seeds]
    warm = [run(method, MIXED, bowl, 150, seed=s, start=start).losses[0] for s in seeds]
    assert np.mean(warm) < 0.5 * np.mean(cold)
    assert np.mean(warm) < 0.8 * bowl(start).min()


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_result_however_batches_fall(method, monkeypatch):
    quick = run(method, MIXED, Bowl(MIXED), 400, seed=4)
    other = run(method, MIXED, Bowl(MIXED), 400, seed=5)
    clock = Clock(monkeypatch)
    slow = run(method, MIXED, clock.slow(Bowl(MIXED), 0.03), 400, seed=4)
    np.testing.assert_array_equal(quick.vectors, slow.vectors)
    np.testing.assert_array_equal(quick.losses, slow.losses)
    assert not np.array_equal(quick.vectors, other.vectors)


def test_same_result_for_one_worker_or_two():
    t = np.arange(2000) / 8000
    space = ParameterSpace(
        "tone",
        [
            Parameter.continuous("frequency", 200, 2000, scale="log"),
            Parameter.continuous("decay", 0.02, 0.5),
            Parameter.categorical("wave", ["sine", "square"]),
        ],
    )

    def render(vectors):
        frequency, decay, wave = space.to_native(vectors).T[:, :, None]
        sound = np.sin(2 * np.pi * frequency * t)
        return np.where(wave, np.sign(sound), sound) * np.exp(-t / decay)

    target = render(np.array([[0.37, 0.4, 0.75]]))[0]
    results = []
    for workers in (1, 2):
        objective = Objective(target, 8000, workers=workers)
        results.append(run(DEFAULT, space, lambda v, o=objective: o(render(v)), 300))
    np.testing.assert_array_equal(results[0].vectors, results[1].vectors)
    np.testing.assert_array_equal(results[0].losses, results[1].losses)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("renders", [1, 7, 500])
def test_a_budget_of_renders_is_exact(method, renders):
    bowl = Bowl(MIXED)
    bowl.optimum[:] = 2.0
    result = run(method, MIXED, bowl, renders)
    assert result.renders == sum(map(len, bowl.tried)) == renders
    assert result.stopped == "budget"


@pytest.mark.parametrize("each", [1e-4, 0.02, 0.4])
def test_a_budget_of_seconds_is_kept_and_batches_stay_short(each, monkeypatch):
    clock = Clock(monkeypatch)
    bowl = Bowl(MIXED)
    bowl.optimum[:] = 2.0
    optimizer = make_optimizer("random", MIXED, 0, population=5000)
    result = search(clock.slow(bowl, each), optimizer, Budget(seconds=3.0))
    assert result.stopped == "budget"
    assert 3.0 - each <= result.seconds <= 3.0 + each
    assert max(map(len, bowl.tried)) * each <= max(0.25, each)


def test_batches_that_cost_much_whatever_their_size_are_large(monkeypatch):
    clock = Clock(monkeypatch)
    bowl = Bowl(MIXED)
    bowl.optimum[:] = 2.0

    def side_by_side(vectors):
        clock.now += 0.18 + 0.005 * len(vectors)
        return bowl(vectors)

    result = search(
        side_by_side, make_optimizer("random", MIXED, 0, population=5000), Budget(seconds=5.0)
    )
    assert result.renders > 10 * 5.0 / 0.185
    assert max(map(len, bowl.tried)) * 0.005 <= 0.25


def test_a_slow_first_render_does_not_end_the_search(monkeypatch):
    clock = Clock(monkeypatch)
    bowl = Bowl(MIXED)

    def compiling(vectors):
        clock.now += 0.01 * len(vectors) if bowl.tried else 2.5
        return bowl(vectors)

    result = search(compiling, make_optimizer("genetic", MIXED, 0), Budget(seconds=3.0))
    assert result.renders > 30


def test_whichever_budget_ends_first_stops(monkeypatch):
    clock = Clock(monkeypatch)
    for budget, renders in ((Budget(renders=50, seconds=10), 50), (Budget(9999, seconds=1.0), 100)):
        evaluate = clock.slow(Bowl(MIXED), 0.01)
        assert search(evaluate, make_optimizer("random", MIXED, 0), budget).renders == renders


def test_stagnation_stops():
    result = search(
        lambda v: 1 + np.abs(v[:, 0] - 0.5) / 1e4,
        make_optimizer("genetic", CONTINUOUS, 0),
        Budget(renders=10_000),
        stagnation=300,
    )
    assert result.stopped == "stagnation"
    assert 300 < result.renders < 700


@pytest.mark.parametrize("method", METHODS)
def test_a_small_space_is_exhausted_and_the_search_ends(method):
    space = ParameterSpace("s", [CATEGORICAL.free[1], ORDINAL.free[1], Parameter.ordinal("x", [1])])
    result = search(
        lambda v: 1 + v.sum(axis=1), make_optimizer(method, space, 0), Budget(seconds=60), keep=20
    )
    assert result.stopped == "stagnation"
    assert len(result.vectors) == result.renders == 9
    assert result.losses[0] == pytest.approx(1 + 1 / 6 + 1 / 6 + 1 / 2)


def test_a_loss_of_zero_ends_the_search():
    result = run("genetic", CATEGORICAL, Bowl(CATEGORICAL), 5000)
    assert result.stopped == "exact"
    assert result.losses[0] == 0.0
    assert result.renders < 5000


@pytest.mark.parametrize("method", METHODS)
def test_an_interruption_gives_the_best_so_far(method):
    bowl = Bowl(MIXED)

    def evaluate(vectors):
        if len(bowl.tried) == 6:
            raise KeyboardInterrupt
        return bowl(vectors)

    result = run(method, MIXED, evaluate, 5000)
    losses = bowl(np.concatenate(bowl.tried))
    assert result.stopped == "interrupted"
    assert result.renders == len(losses)
    assert result.losses[0] == losses.min()


def test_an_interruption_before_the_first_result_goes_through():
    def evaluate(vectors):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("random", MIXED, evaluate, 10)


def test_results_are_sorted_distinct_and_tell_their_history():
    bowl = Bowl(MIXED)
    seen = []
    result = search(
        bowl,
        make_optimizer("genetic", MIXED, 0),
        Budget(renders=600),
        keep=10,
        progress=lambda *now: seen.append(now),
    )
    assert isinstance(result, SearchResult)
    assert result.vectors.shape == (10, len(MIXED))
    assert len(np.unique(result.vectors, axis=0)) == 10
    every = np.sort(bowl(np.concatenate(bowl.tried)))
    np.testing.assert_array_equal(result.losses, every[:10])
    renders, seconds, best = zip(*result.history, strict=True)
    assert renders[-1] == 600 and best[-1] == result.losses[0]
    assert all(a < b for a, b in itertools.pairwise(renders))
    assert list(seconds) == sorted(seconds) and list(best) == sorted(best, reverse=True)
    fractions, bests, left = zip(*seen, strict=True)
    assert list(fractions) == sorted(fractions) and fractions[-1] == 1.0
    assert bests[-1] == result.losses[0] and left[-1] == 0.0 and min(left) >= 0


@pytest.mark.parametrize("method", METHODS)
def test_survives_losses_that_are_not_finite(method):
    bowl = Bowl(MIXED)

    def evaluate(vectors):
        losses = bowl(vectors)
        losses[vectors[:, 0] < 0.4] = np.nan
        losses[vectors[:, 1] > 0.9] = np.inf
        return losses

    result = run(method, MIXED, evaluate, 600)
    assert np.isfinite(result.losses[0])
    everywhere = run(method, MIXED, lambda v: np.full(len(v), np.nan), 300)
    assert np.isinf(everywhere.losses).all() and everywhere.renders == 300


@pytest.mark.parametrize("method", METHODS)
def test_draws_come_from_the_prior(method):
    def prior(rng, n):
        return np.tile(bowl.optimum, (n, 1)) + 0.02 * rng.random((n, len(MIXED)))

    bowl = Bowl(MIXED)
    assert run(method, MIXED, bowl, 40, sample=prior).losses[0] < 0.01


def test_what_cannot_be_heard_does_not_mutate():
    def audible(vectors):  # the last four are heard where the first is high
        return np.hstack([np.ones((len(vectors), 4)), np.tile(vectors[:, :1] > 0.5, 4)]) > 0

    low = np.full((50, 8), 0.2)
    low[:, 1] = np.linspace(0.1, 0.9, 50)
    changed = {}
    for known in (audible, None):
        options = {"audible": known, "crossover": 0.0, "children": 50, "mutations": 3.0}
        optimizer = make_optimizer("genetic", CONTINUOUS, 0, low, **options)
        optimizer.tell(optimizer.ask(), np.arange(50.0))
        children = optimizer.ask()
        assert (children != 0.2)[:, 0].any()
        changed[known] = (children != 0.2)[:, 4:].any(axis=1)
    assert not changed[audible].any() and changed[None].mean() > 0.5
    nothing = Grid(MIXED, audible=lambda vectors: np.zeros(vectors.shape, dtype=bool))
    assert not nothing.worth_moving(np.full((3, len(MIXED)), 0.2)).any()


def test_steps_follow_the_kind_of_parameter():
    rng = np.random.default_rng(0)
    grid = Grid(MIXED)
    base = np.tile(grid.snap(np.full((1, len(MIXED)), 0.45)), (20_000, 1))
    moved = grid.step(base, np.ones(base.shape) > 0, np.full((len(base), 1), 0.02), rng)
    for column, parameter in enumerate(MIXED):
        before, after = parameter.class_of(base[0, column]), parameter.class_of(moved[:, column])
        if parameter.kind == "continuous":
            deviation = np.std(moved[:, column] - base[:, column])
            assert deviation == pytest.approx(0.02, rel=0.1)
        elif parameter.classes == 1:
            assert (after == before).all()
        elif parameter.kind == "ordinal":
            assert (np.abs(after - before) == 1).mean() > 0.9
        else:
            counts = np.bincount(after, minlength=parameter.classes)
            assert counts[before] == 0
            others = np.delete(counts, before)
            assert others.min() > 0.9 * len(base) / len(others)
    still = grid.step(base, np.zeros(base.shape) > 0, np.full((len(base), 1), 0.02), rng)
    np.testing.assert_array_equal(still, base)


def test_refuses_what_makes_no_sense():
    with pytest.raises(SynthmatchError, match="genetic, cma, hill-climbing, random"):
        make_optimizer("gentic", MIXED, 0)
    with pytest.raises(SynthmatchError, match="unfreeze"):
        make_optimizer("random", CONTINUOUS.freeze({p.name: 0.0 for p in CONTINUOUS}), 0)
    with pytest.raises(SynthmatchError, match="shape"):
        make_optimizer("random", MIXED, 0, start=np.zeros((1, 2)))
    for bad in ({}, {"renders": 0}, {"seconds": 0.0}, {"seconds": np.nan}):
        with pytest.raises(SynthmatchError, match="give"):
            Budget(**bad)
    with pytest.raises(SynthmatchError, match="one loss for each"):
        run("random", MIXED, lambda v: v, 10)
    with pytest.raises(SynthmatchError, match="at least 1"):
        search(Bowl(MIXED), make_optimizer("random", MIXED, 0), Budget(renders=1), keep=0)


def test_default_is_a_method():
    assert DEFAULT in METHODS
