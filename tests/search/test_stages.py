"""A search that first hears its sounds at a low sample rate."""

from __future__ import annotations

import numpy as np
import pytest

from synthmatch.parameters import FloatArray, Parameter, ParameterSpace
from synthmatch.search import METHODS, Budget, make_optimizer, search, stages
from synthmatch.search.stages import search_in_stages

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


def test_the_last_fifth_goes_on_in_the_second_stage_from_the_best(monkeypatch):
    monkeypatch.setattr(stages, "_SETTLED", 400)
    first, second = Bowl(OPTIMUM), Bowl(OPTIMUM + 0.02)
    found = search_in_stages([first, second], optimizer, NO_START, Budget(renders=500), keep=200)
    assert [sum(map(len, bowl.asked)) for bowl in (first, second)] == [400, 100]
    assert found.renders == 500 and found.stopped == "budget"
    heard = np.concatenate(first.asked)
    best = heard[np.argsort(first(heard), kind="stable")[:96]]
    np.testing.assert_array_equal(np.concatenate(second.asked)[:96], best)
    assert found.losses[0] == second(found.vectors[:1])[0] < second(best).max()
    assert len(np.unique(found.vectors, axis=0)) == len(found.vectors) > 200
    assert [n for n, _, _ in found.history] == sorted(n for n, _, _ in found.history)


def test_a_short_search_has_one_stage_and_is_in_order():
    first, second = Bowl(OPTIMUM), Bowl(OPTIMUM)
    found = search_in_stages([first, second], optimizer, NO_START, Budget(renders=300), keep=50)
    assert not second.asked and found.renders == 300
    assert (np.diff(found.losses) >= 0).all()
    assert found.losses[0] == first(np.concatenate(first.asked)).min()
    distances = [loss for _, _, loss in found.history]
    assert distances == sorted(distances, reverse=True)
    assert found.history[-1][0] == 300


@pytest.mark.parametrize("renders", [60, 100, 333])
def test_nothing_is_asked_twice_where_there_is_no_second_stage(renders):
    bowl = Bowl(OPTIMUM)
    found = search_in_stages([bowl, bowl], optimizer, NO_START, Budget(renders=renders), keep=5)
    asked = np.concatenate(bowl.asked)
    assert len(np.unique(asked, axis=0)) == len(asked) == found.renders == renders


@pytest.mark.parametrize("settled", [1, 10_000])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_halted_and_go_on(monkeypatch, method, settled):
    monkeypatch.setattr(stages, "_SETTLED", settled)

    def chosen(stage, start):
        return make_optimizer(method, SPACE, stage, start=start)

    bowls = [Bowl(OPTIMUM), Bowl(OPTIMUM)]
    found = search_in_stages(bowls, chosen, NO_START, Budget(renders=333), keep=100)
    assert found.renders == 333
    assert found.losses[0] <= bowls[0](np.concatenate(bowls[0].asked)).min()


@pytest.mark.parametrize("renders", [1, 2, 3, 7])
def test_tiny_budgets_are_kept(renders):
    bowls = [Bowl(OPTIMUM), Bowl(OPTIMUM)]
    found = search_in_stages(bowls, optimizer, NO_START, Budget(renders=renders), keep=5)
    assert found.renders == renders


def test_one_stage_is_a_plain_search():
    budget = Budget(renders=200)
    staged = search_in_stages([Bowl(OPTIMUM)], optimizer, NO_START, budget, keep=10)
    plain = search(Bowl(OPTIMUM), optimizer(0, NO_START), budget, keep=10)
    np.testing.assert_array_equal(staged.vectors, plain.vectors)


def test_seconds_are_those_of_both_stages(monkeypatch):
    monkeypatch.setattr(stages, "_SETTLED", 1)
    bowls = [Bowl(OPTIMUM), Bowl(OPTIMUM)]
    found = search_in_stages(bowls, optimizer, NO_START, Budget(seconds=0.5), keep=5)
    assert bowls[1].asked and 0.45 < found.seconds < 1.0


@pytest.mark.parametrize("until", [100, 400, 450])
def test_an_interrupted_search_returns_what_it_has(monkeypatch, until):
    monkeypatch.setattr(stages, "_SETTLED", 400)
    first, second = Bowl(OPTIMUM, until), Bowl(OPTIMUM, until - 400)
    found = search_in_stages([first, second], optimizer, NO_START, Budget(renders=500), keep=10)
    assert found.stopped == "interrupted"
    assert found.renders == sum(map(len, first.asked + second.asked)) >= until


def test_an_exact_answer_ends_it():
    start = OPTIMUM[None]
    bowls = [Bowl(start[0]), Bowl(start[0])]
    found = search_in_stages(bowls, optimizer, start, Budget(renders=100), keep=3)
    assert found.stopped == "exact" and not bowls[1].asked


def test_progress_goes_from_start_to_end(monkeypatch):
    monkeypatch.setattr(stages, "_SETTLED", 1)
    seen: list[tuple[float, float, float]] = []
    search_in_stages(
        [Bowl(OPTIMUM), Bowl(OPTIMUM)],
        optimizer,
        NO_START,
        Budget(renders=500),
        keep=3,
        progress=lambda *row: seen.append(row),
    )
    done = [fraction for fraction, _, _ in seen]
    assert done == sorted(done) and done[-1] == pytest.approx(1)
    assert all(left >= 0 for _, _, left in seen) and seen[-1][2] == 0
