"""A search that compares first quickly, then exactly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from synthmatch.parameters import FloatArray, Parameter, ParameterSpace
from synthmatch.search import METHODS, Budget, Stage, make_optimizer, search, search_in_stages

SPACE = ParameterSpace("c", [Parameter.continuous(f"c{i}", 0, 1) for i in range(6)])
OPTIMUM = np.linspace(0.2, 0.8, 6)
NO_START = np.empty((0, 6))


class Bowl:
    """Mean squared distance to a point, and everything it was asked."""

    def __init__(self, centre: FloatArray, until: float = np.inf) -> None:
        self.centre = centre
        self.until = until
        self.asked: list[FloatArray] = []

    def __call__(self, vectors: FloatArray) -> FloatArray:
        if sum(map(len, self.asked)) >= self.until:
            raise KeyboardInterrupt
        self.asked.append(vectors.copy())
        losses: FloatArray = ((vectors - self.centre) ** 2).mean(axis=1)
        return losses


def optimizer(stage, start):
    return make_optimizer("genetic", SPACE, stage, start=start)


def staged(*bowls, settled=0, **options):
    """Return stages that end at even shares, or the last at a fifth where there are two."""
    shares = [(k + 1) / len(bowls) for k in range(len(bowls))]
    shares = [0.8, 1.0] if len(bowls) == 2 else shares
    chosen = [Stage(bowl, until=share) for bowl, share in zip(bowls, shares, strict=True)]
    chosen[-1] = Stage(bowls[-1], settled=settled, **options)
    return chosen


def test_the_last_fifth_goes_on_in_the_second_stage_from_the_best():
    first, second = Bowl(OPTIMUM), Bowl(OPTIMUM + 0.02)
    stages = staged(first, second, settled=400)
    found = search_in_stages(stages, optimizer, NO_START, Budget(renders=500), keep=200)
    assert [sum(map(len, bowl.asked)) for bowl in (first, second)] == [400, 100]
    assert found.renders == 500 and found.stopped == "budget"
    heard = np.concatenate(first.asked)
    best = heard[np.argsort(first(heard), kind="stable")[:96]]
    np.testing.assert_array_equal(np.concatenate(second.asked)[:96], best)
    assert found.losses[0] == second(found.vectors[:1])[0] < second(best).max()
    assert len(np.unique(found.vectors, axis=0)) == len(found.vectors) > 200
    assert [n for n, _, _ in found.history] == sorted(n for n, _, _ in found.history)


def test_each_of_three_stages_goes_on_from_the_best_of_the_one_before():
    bowls = [Bowl(OPTIMUM), Bowl(OPTIMUM + 0.01), Bowl(OPTIMUM + 0.02)]
    found = search_in_stages(staged(*bowls), optimizer, NO_START, Budget(renders=600), keep=200)
    assert [sum(map(len, bowl.asked)) for bowl in bowls] == [200, 200, 200]
    for before, after in itertools.pairwise(bowls):
        asked = np.concatenate(before.asked)
        best = asked[np.argsort(before(asked), kind="stable")[:96]]
        np.testing.assert_array_equal(np.concatenate(after.asked)[:96], best)
    last = np.concatenate(bowls[2].asked[:-1])
    assert found.losses[0] == bowls[2](last).min() and found.renders == 600
    assert len(np.unique(found.vectors, axis=0)) == len(found.vectors) > 200


def test_a_stage_that_is_not_worth_it_leaves_its_time_to_the_one_before():
    bowls = [Bowl(OPTIMUM), Bowl(OPTIMUM), Bowl(OPTIMUM)]
    stages = staged(*bowls, settled=401)
    found = search_in_stages(stages, optimizer, NO_START, Budget(renders=600), keep=50)
    assert [sum(map(len, bowl.asked)) for bowl in bowls] == [200, 400, 0]
    assert found.renders == 600
    assert (np.diff(found.losses[:50]) >= 0).all()


def test_a_short_search_has_one_stage_and_is_in_order():
    first, second = Bowl(OPTIMUM), Bowl(OPTIMUM)
    stages = staged(first, second, settled=2500)
    found = search_in_stages(stages, optimizer, NO_START, Budget(renders=300), keep=50)
    assert not second.asked and found.renders == 300
    assert (np.diff(found.losses) >= 0).all()
    assert found.losses[0] == first(np.concatenate(first.asked)).min()
    distances = [loss for _, _, loss in found.history]
    assert distances == sorted(distances, reverse=True)
    assert found.history[-1][0] == 300


@pytest.mark.parametrize("renders", [60, 100, 333])
def test_nothing_is_asked_twice_where_there_is_no_second_stage(renders):
    bowl = Bowl(OPTIMUM)
    stages = staged(bowl, bowl, settled=2500)
    found = search_in_stages(stages, optimizer, NO_START, Budget(renders=renders), keep=5)
    asked = np.concatenate(bowl.asked)
    assert len(np.unique(asked, axis=0)) == len(asked) == found.renders == renders


@pytest.mark.parametrize("settled", [1, 10_000])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_halted_and_go_on(method, settled):
    def chosen(stage, start):
        return make_optimizer(method, SPACE, stage, start=start)

    bowls = [Bowl(OPTIMUM), Bowl(OPTIMUM), Bowl(OPTIMUM)]
    stages = staged(*bowls, settled=settled)
    found = search_in_stages(stages, chosen, NO_START, Budget(renders=333), keep=100)
    assert found.renders == 333
    assert found.losses[0] <= bowls[0](np.concatenate(bowls[0].asked)).min()


@pytest.mark.parametrize("renders", [1, 2, 3, 7])
def test_tiny_budgets_are_kept(renders):
    bowls = [Bowl(OPTIMUM), Bowl(OPTIMUM), Bowl(OPTIMUM)]
    stages = staged(*bowls)
    found = search_in_stages(stages, optimizer, NO_START, Budget(renders=renders), keep=5)
    assert found.renders == renders


def test_one_stage_is_a_plain_search():
    budget = Budget(renders=200)
    found = search_in_stages([Stage(Bowl(OPTIMUM))], optimizer, NO_START, budget, keep=10)
    plain = search(Bowl(OPTIMUM), optimizer(0, NO_START), budget, keep=10)
    np.testing.assert_array_equal(found.vectors, plain.vectors)


def test_seconds_are_those_of_all_stages(monkeypatch):
    bowls = [Bowl(OPTIMUM), Bowl(OPTIMUM), Bowl(OPTIMUM)]
    monkeypatch.setattr(  # a millisecond a vector, however busy the machine is
        "synthmatch.search.loop.time.perf_counter",
        lambda: 1e-3 * sum(len(asked) for bowl in bowls for asked in bowl.asked),
    )
    found = search_in_stages(staged(*bowls), optimizer, NO_START, Budget(seconds=0.5), keep=5)
    assert bowls[1].asked and bowls[2].asked and 0.45 < found.seconds < 0.6


@pytest.mark.parametrize("until", [100, 400, 450])
def test_an_interrupted_search_returns_what_it_has(until):
    first, second = Bowl(OPTIMUM, until), Bowl(OPTIMUM, until - 400)
    stages = staged(first, second)
    found = search_in_stages(stages, optimizer, NO_START, Budget(renders=500), keep=10)
    assert found.stopped == "interrupted"
    assert found.renders == sum(map(len, first.asked + second.asked)) >= until


def test_a_search_interrupted_before_anything_was_tried_has_nothing():
    with pytest.raises(KeyboardInterrupt):
        search_in_stages(
            staged(Bowl(OPTIMUM, 0), Bowl(OPTIMUM)), optimizer, NO_START, Budget(renders=9), keep=3
        )


def test_an_exact_answer_ends_it():
    start = OPTIMUM[None]
    bowls = [Bowl(start[0]), Bowl(start[0])]
    found = search_in_stages(staged(*bowls), optimizer, start, Budget(renders=100), keep=3)
    assert found.stopped == "exact" and not bowls[1].asked


def test_what_is_exact_in_part_is_compared_as_a_whole():
    start = OPTIMUM[None]
    bowls = [Bowl(start[0]), Bowl(start[0])]
    stages = [Stage(bowls[0], until=0.5, exact=False), Stage(bowls[1])]
    found = search_in_stages(stages, optimizer, start, Budget(renders=100), keep=3)
    assert found.stopped == "exact" and len(bowls[1].asked[0]) == 1


def test_progress_goes_from_start_to_end():
    seen: list[tuple[float, float, float]] = []
    search_in_stages(
        staged(Bowl(OPTIMUM), Bowl(OPTIMUM), Bowl(OPTIMUM)),
        optimizer,
        NO_START,
        Budget(renders=500),
        keep=3,
        progress=lambda *row: seen.append(row),
    )
    done = [fraction for fraction, _, _ in seen]
    assert done == sorted(done) and done[-1] == pytest.approx(1)
    assert all(left >= 0 for _, _, left in seen) and seen[-1][2] == 0
