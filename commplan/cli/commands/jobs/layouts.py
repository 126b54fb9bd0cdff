"""`commplan job --search`: layouts by the step that is predicted for them."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import numpy as np

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.candidates.crew import count_started, elsewhere, here
from commplan.cli.commands.jobs.ranks import Chosen, usable_ranks, without_dead
from commplan.cli.io.answer import Answer
from commplan.cli.io.jobs import steps
from commplan.cli.io.needless import is_given
from commplan.cli.io.progress import progress
from solvers.jobs.reading import load
from solvers.settings.deadline import NotFound
from solvers.steps.layouts import Crew, Site, hold, rank_layouts, read_ranges
from topologies.formats import spec
from topologies.model.units import Seconds


def search_layouts(
    job: str,
    topology: str | None,
    changes: tuple[str, ...],
    search: str,
    chosen: Chosen,
    shown: int,
    jobs: int | None,
    time_limit: Seconds,
) -> Answer:
    """Rank layouts.

    Raises:
        UsageError: no machine is given, or something that a search has no use for.
        Abort: it was interrupted before a layout was found.
    """
    if topology is None or any(map(is_given, ("output", "pin", "rate", "measured"))):
        raise click.UsageError(
            "--search takes JOB, TOPOLOGY, --set, --ranks, --without-rank, --beside, --shown "
            "and --jobs"
        )
    ranges = read_ranges(search)
    machine = spec.topology(topology)
    usable = np.unique(np.array(usable_ranks(machine, chosen)))
    site = Site(machine, without_dead(machine, chosen), usable)
    read = load(job, changes, whole=False)
    with progress(time_limit) as watch, stop_on_interrupt(watch), _crew(site, jobs) as crew:
        try:
            found = rank_layouts(crew, read, ranges, shown, watch)
        except NotFound:
            if watch.stopped:
                raise click.Abort from None
            raise
    lines = steps.layouts_lines(read, machine.name, found)
    return Answer({"job": read.name, "machine": machine.name, **steps.layouts_fields(found)}, lines)


@contextmanager
def _crew(site: Site, jobs: int | None) -> Iterator[Crew]:
    """Give who searches: this process, others of this computer, or those of an MPI job."""
    if jobs == 1:
        yield Crew(site)
        return
    with elsewhere(hold, (site,)) if jobs is None else here(jobs, hold, (site,)) as executor:
        yield Crew(site, executor, jobs or count_started())
