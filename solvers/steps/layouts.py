"""Which layout of a model is fastest on a machine: all that are feasible, ranked by their step.

A layout is feasible if its dimensions fit the ranks, the model and the batch (`faults.py`), and
what a rank holds fits its memory. No placement of a layout is faster than its step with every kind
of group at its own best (`placement/bounds.py`), so layouts are placed in the order of that, until
none that is left can be among the first: these are the same as if all had been placed.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import product
from math import prod

import msgspec

from solvers.jobs.errors import JobError
from solvers.jobs.faults import list_faults
from solvers.jobs.job import Job, Layout
from solvers.placement.bounds import least
from solvers.placement.judge import Judge
from solvers.placement.search import Placement, place
from solvers.settings.deadline import NotFound, Watch
from solvers.steps.chips import chip_of
from solvers.steps.memory import held
from solvers.steps.step import Step, step
from topologies.model.messages import short, unknown
from topologies.model.topology import IntArray, Topology

SEARCHED = ("tp", "cp", "ep", "etp", "pp", "virtual", "zero", "micro")
MOST = 200_000  # layouts that are looked at
CHUNK = 256  # layouts that a process of a crew looks at, at most, before it can be stopped
MEMORY = "more than a rank's memory"


@dataclass(frozen=True, eq=False)
class Ranked:
    """A layout with its step.

    Attributes:
        placed: None where it was not placed, as its best step is longer than those that are shown.
    """

    job: Job
    step: Step
    placed: Placement | None


@dataclass(frozen=True, eq=False)
class Layouts:
    """All layouts that were looked at.

    Attributes:
        first: those of the shortest steps, placed.
        feasible: how many are.
        refused: how many are not, by the reason.
        not_tried: what was left out as the time was over.
    """

    first: tuple[Ranked, ...]
    feasible: int
    refused: Mapping[str, int]
    placed: int
    not_tried: tuple[str, ...]


def read_ranges(text: str) -> dict[str, tuple[int, ...]]:
    """Read `tp=1..16,pp=1..16,ep=8..384`: each value that is a number of ranks in these bounds.

    Args:
        text: names with a number, or a least and a largest one; with commas between.

    Raises:
        JobError: a word that is none of these.
    """
    found: dict[str, tuple[int, ...]] = {}
    for word in text.split(","):
        match = re.fullmatch(r"([a-z]{1,20})=([0-9]{1,7})(?:\.\.([0-9]{1,7}))?", word)
        if not match:
            raise JobError(f"--search: found {short(word)!r}, expected NAME=LEAST..MOST")
        name, least_, most = match[1], int(match[2]), int(match[3] or match[2])
        if name not in SEARCHED:
            raise JobError(f"--search: {unknown('dimension', name, SEARCHED)}")
        if name in found or most < least_:
            raise JobError(f"--search: found {short(word)!r}, expected each once, least first")
        found[name] = (least_, most)
    return found


@dataclass(frozen=True, eq=False)
class Site:
    """A machine that layouts are placed on.

    Attributes:
        alive: the machine without the links of dead ranks, where ranks pass on what is of others.
        usable: the ranks of the machine that may be used.
    """

    topology: Topology
    alive: Topology
    usable: IntArray


def rank_layouts(
    crew: "Crew",
    job: Job,
    ranges: Mapping[str, Sequence[int]],
    shown: int,
    watch: Watch,
) -> Layouts:
    """Rank all layouts within ranges by their predicted step.

    Complexity: a bound for each feasible layout, a placement for those that may be among the first.
    With a crew more layouts may be placed than without, but the first ones are the same.

    Args:
        crew: examines and places layouts.
        job: with a model, a batch and a chip.
        ranges: of dimensions, least and largest.
        shown: how many are wanted.
        watch: can stop it early.

    Raises:
        JobError: the job has no model with a batch, or no chip; or no layout is feasible.
        NotFound: the time was over before one was.
    """
    if job.model is None or job.batch is None or chip_of(job.compute) is None:
        raise JobError("--search: found no model with a batch and a chip, expected all three")
    count = len(crew.site.usable)
    if not count:
        raise JobError(f"--search: no rank of {crew.site.topology.name} may be used")
    refused: Counter[str] = Counter()
    feasible: list[Ranked] = []
    candidates = list(_candidates(job, ranges, count))
    watch.tell(f"looking at {len(candidates)} layouts")
    examined = zip(candidates, crew.examine(candidates), strict=True)
    for number, (candidate, (reason, best)) in enumerate(examined):
        if watch.leaves_out(f"{len(candidates) - number} layouts that were not looked at"):
            break
        if best is None:
            refused[reason] += 1
        else:
            feasible.append(Ranked(candidate, best, None))
    if not candidates:
        raise JobError(f"--search: no layout within these ranges multiplies to the {count} ranks")
    if not feasible and watch.late:
        raise NotFound("--search: the time was over before a layout was feasible")
    if not feasible:
        common = ", ".join(f"{count} by {why}" for why, count in refused.most_common(3))
        raise JobError(f"--search: no layout is feasible of {sum(refused.values())} ({common})")
    feasible.sort(key=lambda each: each.step.seconds)
    first, placed = _place_first(crew, feasible, shown, watch)
    return Layouts(tuple(first), len(feasible), dict(refused), placed, tuple(watch.not_tried))


@dataclass(frozen=True, eq=False)
class Crew:
    """Who examines layouts and places them: this process, or others that hold the machine.

    Attributes:
        executor: whose processes have called `hold`.
        count: how many they are.
    """

    site: Site
    executor: Executor | None = None
    count: int = 1

    def examine(self, jobs: Sequence[Job]) -> Iterator[tuple[str, Step | None]]:
        """Say of each layout why it is not feasible, or its step with every group at its best."""
        if self.executor is None:
            return (examine(self.site, job) for job in jobs)
        chunk = min(max(len(jobs) // (8 * self.count), 1), CHUNK)
        return self.executor.map(_examine_held, jobs, chunksize=chunk)

    def place(self, jobs: Sequence[Job]) -> Iterator[tuple[Placement, Step]]:
        """Place layouts."""
        if self.executor is None:
            return (place_one(self.site, job) for job in jobs)
        return self.executor.map(_place_held, jobs)


_held: list[Site] = []


def hold(site: Site) -> None:
    """Take in the machine, in a process that is to help."""
    _held[:] = [site]


def _examine_held(job: Job) -> tuple[str, Step | None]:
    return examine(_held[0], job)


def _place_held(job: Job) -> tuple[Placement, Step]:
    return place_one(_held[0], job)


def examine(site: Site, job: Job) -> tuple[str, Step | None]:
    """Say why a layout is not feasible, or give its step with every kind of group at its best."""
    reason = _refuse(job)
    return reason, None if reason else _at_best(site, job)


def place_one(site: Site, job: Job) -> tuple[Placement, Step]:
    """Place a layout by the nested orders, and predict its step."""
    found = place(site.topology, job, site.usable.tolist(), exchange=False, alive=site.alive)
    made = step(job, found.judged, len(site.usable))
    assert made is not None
    return found, made


def _place_first(
    crew: Crew, feasible: Sequence[Ranked], shown: int, watch: Watch
) -> tuple[list[Ranked], int]:
    """Place layouts, the most promising first, until none that is left can be among the first."""
    first: list[Ranked] = []
    number = 0
    while number < len(feasible):
        wave = [
            each
            for each in feasible[number : number + crew.count]
            if len(first) < shown or each.step.seconds < first[shown - 1].step.seconds
        ]
        if not wave or (first and watch.leaves_out(f"{len(feasible) - number} feasible layouts")):
            break
        watch.tell(f"placing layout {number + 1} of {len(feasible)}")
        placed = crew.place([each.job for each in wave])
        for each, (found, made) in zip(wave, placed, strict=True):
            first.append(Ranked(each.job, made, found))
        number += len(wave)
        first.sort(key=lambda one: one.step.seconds)
    return first[:shown], number


def _at_best(site: Site, job: Job) -> Step:
    """Predict the step with every kind of group at its own best, whoever passes on for others.

    Without dead ranks what passes on bounds the other; with them each way has a machine of its own.
    """
    judges = [Judge(site.alive, job, forward=True)]
    if site.alive is not site.topology:
        judges.append(Judge(site.topology, job))
    usable = site.usable
    made = [step(job, least(judge, usable), len(usable)) for judge in judges]
    return min((each for each in made if each), key=lambda each: each.seconds)


def _refuse(job: Job) -> str:
    """Say why a layout is not feasible; nothing where it is."""
    faults = list_faults(job)
    if faults:
        return faults[0].partition(":")[0]
    chip = chip_of(job.compute)
    assert job.model is not None
    assert chip is not None
    return MEMORY if held(job, job.model).total > chip.memory else ""


def _candidates(job: Job, ranges: Mapping[str, Sequence[int]], count: int) -> Iterator[Job]:
    """List the layouts within ranges whose dimensions multiply to the ranks.

    Raises:
        JobError: there are too many.
    """
    base = job.layout
    values = {name: _values(name, bounds, count) for name, bounds in ranges.items()}
    if prod(map(len, values.values())) > MOST:
        raise JobError(f"--search: more than {MOST:,} layouts, expected smaller ranges")
    for chosen in product(*values.values()):
        own = dict(zip(values, chosen, strict=True))
        micro = own.pop("micro", job.batch.micro if job.batch else 1)
        layout: Layout = msgspec.structs.replace(base, **own)
        inner = layout.tp * layout.cp * layout.pp
        if count % inner:
            continue
        layout = msgspec.structs.replace(layout, dp=count // inner)
        batch = job.batch and msgspec.structs.replace(job.batch, micro=micro)
        yield msgspec.structs.replace(job, layout=layout, batch=batch)


def _values(name: str, bounds: Sequence[int], count: int) -> list[int]:
    """List the values of a dimension: divisors of the ranks, of other words all numbers."""
    low, high = bounds
    whole = range(max(low, 0 if name in ("zero", "etp") else 1), min(high, 4096) + 1)
    if name in ("tp", "cp", "ep", "pp"):
        return [value for value in whole if value and count % value == 0]
    return [value for value in whole if name != "zero" or value <= 3]
