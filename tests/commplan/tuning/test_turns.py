"""Which candidates are run, how often, and which one is chosen, with launches that are made up."""

import pytest

from commplan.planning.planner import plan
from commplan.tuning.launches import Launched
from commplan.tuning.turns import FAR, TuneError, choose, pick, run_in_turns
from solvers.schedules.kinds import collective
from topologies.formats import spec

SIZE = 4096
PLENTY = 1000.0


@pytest.fixture(scope="module")
def planned():
    return plan(spec.topology("dgx-a100"), collective("all_reduce", range(8)), size=SIZE)


@pytest.fixture
def entrants(planned):
    return pick(planned.candidates, SIZE, 4)


def play(entrants, script, launches=3, left=lambda: PLENTY):
    """Run in turns; script: of each entrant what its launches give, seconds or a fault."""
    rows = {
        id(each.candidate.schedule): iter(row) for each, row in zip(entrants, script, strict=True)
    }
    order = []

    def start(schedule, size, timeout):
        assert (size, timeout) == (SIZE, 5.0)
        order.append(id(schedule))
        given = next(rows[id(schedule)])
        return Launched(fault=given) if isinstance(given, str) else Launched(given)

    found = run_in_turns(entrants, SIZE, start, launches, 5.0, left)
    places = [id(each.candidate.schedule) for each in entrants]
    return found, [places.index(each) for each in order]


def test_the_best_predicted_are_picked_and_those_of_fewest_messages(planned):
    found = pick(planned.candidates, SIZE, 6)
    assert [each.candidate for each in found[:3]] == list(planned.candidates[:3])
    others = [each for each in pick(planned.candidates, SIZE, 100) if each not in found]
    assert others
    assert max(each.messages for each in found[3:]) <= min(each.messages for each in others)


def test_one_candidate_is_the_plan_s_choice(planned):
    [only] = pick(planned.candidates, SIZE, 1)
    assert only.candidate is planned.candidates[0]


def test_launches_take_turns_and_the_fastest_median_is_chosen(entrants):
    script = [(3.0, 3.1, 3.0), (2.0, 9.0, 2.0), (3.0, 1.0, 3.0), (3.5, 3.5, 3.5)]
    found, order = play(entrants, script)
    assert order == [0, 1, 2, 3] * 3
    assert choose(found) is found[1]


def test_what_is_far_behind_is_launched_once_and_not_chosen(entrants):
    script = [(FAR * 1.01,), (1.0, 8.0, 8.0), (1.5, 8.5, 8.5), (5.0,)]
    found, order = play(entrants, script)
    assert order == [0, 1, 2, 3, 1, 2, 1, 2]
    assert choose(found) is found[1]


def test_within_the_spread_the_better_predicted_is_chosen(entrants):
    script = [(1.08, 1.09, 1.07), (1.0, 1.1, 0.9), (1.05, 1.05, 1.05), (1.3, 1.3, 1.3)]
    found, _ = play(entrants, script)
    assert choose(found) is found[0]  # 1.08 is within 1.0 + 0.1, and predicted to be the fastest


def test_an_own_wide_spread_does_not_make_a_tie(entrants):
    script = [(1.5, 9.0, 3.0), (1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (2.0, 2.0, 2.0)]
    assert choose(play(entrants, script)[0]).median == 1.0


def test_what_fails_is_told_and_not_launched_again(entrants):
    script = [("hang: no end",), (2.0, "3 elements of the result wrong"), (3.0,) * 3, (3.5,) * 3]
    found, order = play(entrants, script)
    assert order == [0, 1, 2, 3, 1, 2, 3, 2, 3]
    assert found[0].fault == "hang: no end"
    assert (found[1].valid, found[1].seconds) == (False, (2.0,))
    assert choose(found) is found[2]


def test_when_the_time_is_over_what_was_launched_counts(entrants):
    left = iter([PLENTY] * 6)
    found, order = play(entrants, [(3.0,), (2.0,), (1.0,), ()], left=lambda: next(left, 0.0))
    assert order == [0, 1, 2]
    assert choose(found) is found[2]


def test_a_launch_that_is_cut_short_by_the_limit_is_no_fault(entrants):
    left = iter([PLENTY] * 4)
    found, _ = play(entrants, [(3.0,), ("hang: no end",), (), ()], left=lambda: next(left, 0.0))
    assert [each.fault for each in found] == [""] * 4
    assert choose(found) is found[0]


def test_no_right_result_is_an_error_with_the_first_reason(entrants):
    found, _ = play(entrants, [("hang: no end",)] * 4)
    with pytest.raises(TuneError, match=f"{found[0].candidate.name}: hang: no end"):
        choose(found)
    with pytest.raises(TuneError, match="the time was over"):
        choose(entrants)
