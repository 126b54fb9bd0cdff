"""The play of a pipeline ends when the closed forms say, and no stage does two things at once."""

from itertools import pairwise

import pytest

from solvers.steps.dualpipe import BACKWARD, FORWARD
from solvers.steps.timeline import Pipe, play


@pytest.mark.parametrize("ranks", [1, 2, 4, 7])
@pytest.mark.parametrize(
    ("schedule", "virtual", "bubble"),
    [
        ("1f1b", 1, lambda p: 3.0 * (p - 1)),
        ("interleaved", 2, lambda p: 3.0 * (p - 1) / 2),
        ("interleaved", 4, lambda p: 3.0 * (p - 1) / 4),
        ("zero-bubble", 1, lambda p: p - 1.0),
    ],
)
def test_the_end_is_that_of_the_closed_form(schedule, virtual, ranks, bubble):
    count = 4 * ranks
    slots = play(Pipe(schedule, ranks, virtual, count, 1.0, 2.0))
    assert max(slot.end for slot in slots) == pytest.approx(3 * count + bubble(ranks))
    for rank in range(ranks):
        own = sorted((slot.begin, slot.end) for slot in slots if slot.rank == rank)
        assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(own))
        assert sum(end - begin for begin, end in own) == pytest.approx(3 * count)


@pytest.mark.parametrize("schedule", ["1f1b", "interleaved", "zero-bubble"])
def test_each_stage_waits_for_the_one_before(schedule):
    slots = play(Pipe(schedule, 4, 2 if schedule == "interleaved" else 1, 8, 1.0, 2.0))
    done = {(slot.what, slot.stage, slot.microbatch): slot for slot in slots}
    last = max(slot.stage for slot in slots)
    for (what, stage, microbatch), slot in done.items():
        if what == FORWARD and stage:
            assert slot.begin >= done[FORWARD, stage - 1, microbatch].end
        if what == BACKWARD:
            before = (FORWARD, stage) if stage == last else (BACKWARD, stage + 1)
            assert slot.begin >= done[(*before, microbatch)].end


@pytest.mark.parametrize("ranks", [2, 4, 6, 8])
@pytest.mark.parametrize("turns", [2, 3, 4])
def test_dualpipe_ends_when_its_closed_form_says(ranks, turns):
    count = turns * ranks
    slots = play(Pipe("dualpipe", ranks, 1, count, 1.0, 2.0))
    assert max(slot.end for slot in slots) == pytest.approx(3 * count + 2 * (ranks / 2 - 1))
    for rank in range(ranks):
        own = sorted((slot.begin, slot.end) for slot in slots if slot.rank == rank)
        assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(own))
        assert sum(end - begin for begin, end in own) == pytest.approx(3 * count)
    done = {(slot.what, slot.stage, slot.microbatch): slot for slot in slots}
    for (what, stage, microbatch), slot in done.items():
        assert (
            what != FORWARD or not stage or slot.rank != done[FORWARD, stage - 1, microbatch].rank
        )
        if what == FORWARD and stage:
            assert slot.begin >= done[FORWARD, stage - 1, microbatch].end
        if what == BACKWARD:
            before = (FORWARD, stage) if stage == ranks - 1 else (BACKWARD, stage + 1)
            assert slot.begin >= done[(*before, microbatch)].begin


def test_dualpipe_needs_microbatches_for_both_ends():
    assert play(Pipe("dualpipe", 4, 1, 6, 1.0, 2.0)) == []
    assert play(Pipe("dualpipe", 3, 1, 8, 1.0, 2.0)) == []
