"""Layouts ranked: the first are those that placing all of them would give."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from solvers.jobs.errors import JobError
from solvers.jobs.reading import load
from solvers.placement.search import place
from solvers.settings.deadline import NotFound, Watch
from solvers.steps.layouts import (
    Crew,
    Site,
    _candidates,
    _refuse,
    hold,
    rank_layouts,
    read_ranges,
)
from solvers.steps.step import step
from topologies.derive.part import without_others
from topologies.formats.spec import topology

SMALL = ("model.layers=8", "model.experts=16", "batch.sequences=64", "layout.etp=1")
SOME = (0, 1, 2, 3, 8, 9, 10, 11)


def _site(text, *dead):
    machine = topology(text)
    usable = np.setdiff1d(np.arange(machine.ranks), dead)
    return Site(machine, without_others(machine, usable.tolist()), usable)


@pytest.mark.parametrize(
    ("machine", "dead"),
    [("dgx-h100:boxes=2", ()), ("mesh:3x3", (1,)), ("torus:3x3", (4,)), ("dgx-h100:boxes=3", SOME)],
)
def test_the_first_are_as_if_all_had_been_placed(machine, dead):
    site, job = _site(machine, *dead), load("qwen3-235b", SMALL, whole=False)
    ranges = read_ranges("tp=1..8,pp=1..4,ep=1..16,virtual=1")
    found = rank_layouts(Crew(site), job, ranges, 4, Watch(600.0))
    every = []
    for candidate in _candidates(job, ranges, len(site.usable)):
        if not _refuse(candidate):
            for machine in (site.topology, site.alive):
                placed = place(machine, candidate, site.usable, exchange=False)
                if machine is site.alive or not placed.forward:
                    break
            every.append(step(candidate, placed.judged, len(site.usable)).seconds)
    assert [each.step.seconds for each in found.first] == sorted(every)[:4]
    assert found.feasible == len(every)
    assert found.placed < len(every)


def test_a_crew_finds_the_same_layouts():
    site, job = _site("dgx-h100:boxes=2"), load("qwen3-235b", SMALL, whole=False)
    ranges = read_ranges("tp=1..8,pp=1..4,ep=1..16,virtual=1")
    alone = rank_layouts(Crew(site), job, ranges, 4, Watch(600.0))
    hold(site)
    with ThreadPoolExecutor(3) as executor:
        found = rank_layouts(Crew(site, executor, 3), job, ranges, 4, Watch(600.0))
    assert [each.job.layout for each in found.first] == [each.job.layout for each in alone.first]
    assert (found.feasible, found.refused) == (alone.feasible, alone.refused)


def test_what_does_not_fit_into_memory_is_refused():
    crew, ranges = Crew(_site("dgx-h100:boxes=2")), read_ranges("tp=1..2,pp=1,ep=16,virtual=1")
    job = load("qwen3-235b", ["batch.sequences=64", "layout.etp=1"], whole=False)
    with pytest.raises(JobError, match=r"no layout is feasible of .*more than a rank's memory"):
        rank_layouts(crew, job, ranges, 4, Watch(600.0))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tp", "expected NAME=LEAST..MOST"),
        ("xp=1..2", "no dimension is named 'xp'"),
        ("tp=4..2", "least first"),
        ("tp=1,tp=2", "expected each once"),
    ],
)
def test_ranges_that_are_none_are_refused(text, said):
    with pytest.raises(JobError, match=said):
        read_ranges(text)


def test_a_job_without_a_chip_is_refused():
    crew = Crew(_site("dgx-h100:boxes=2"))
    with pytest.raises(JobError, match="no model with a batch and a chip"):
        rank_layouts(crew, load("ub-mesh-moe-2t"), {"tp": (1, 2)}, 1, Watch(1.0))


def test_a_search_that_is_stopped_ranks_what_it_has_looked_at():
    site, job = _site("dgx-h100:boxes=2"), load("qwen3-235b", SMALL, whole=False)
    ranges, watch = read_ranges("tp=1..8,pp=1..4,ep=1..16,virtual=1"), Watch(600.0)

    class Stopping(Crew):
        def examine(self, jobs):
            for number, found in enumerate(super().examine(jobs)):
                if number == 10:
                    watch.stop()
                yield found

    found = rank_layouts(Stopping(site), job, ranges, 4, watch)
    assert found.feasible + sum(found.refused.values()) == 10
    assert len(found.first) == 1
    assert "that were not looked at" in found.not_tried[0]
    with pytest.raises(NotFound, match="the time was over before a layout was feasible"):
        rank_layouts(Crew(site), job, ranges, 4, watch)
