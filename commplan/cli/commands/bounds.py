"""`commplan bound`: the proof alone, without what looks for schedules."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import heading, options, problem, time_limit
from commplan.cli.io.certificates import describe_certificate, find_bound
from commplan.cli.io.progress import name_untried, progress
from commplan.cli.io.quantities import exact, gigabytes
from solvers.bounds.exchange_bound import bound_exchange
from solvers.groups.reach import restrict_relays
from solvers.schedules.collective import BLOCK_LIMIT, Collective
from solvers.settings.options import SolverOptions
from topologies.formats import spec
from topologies.model.topology import Topology
from topologies.model.units import Seconds, rate
from topologies.symmetry.group import declared_group


def _exchanges_too(reading: Callable[..., Answer]) -> Callable[..., Answer]:
    """Let an all_to_all be asked for whose blocks are too many to be laid out."""

    @wraps(reading)
    def asking(topology: str, collective: str, **rest: Any) -> Answer:  # noqa: ANN401
        if collective == "all_to_all" and rest["ranks"] is None:
            machine = spec.topology(topology)
            if machine.ranks**2 > BLOCK_LIMIT:
                return _bound_exchange(machine, rest["time_limit"])
        return reading(topology=topology, collective=collective, **rest)

    return asking


def _bound_exchange(machine: Topology, time_limit: Seconds) -> Answer:
    """Prove what an all_to_all of all ranks may reach, and say what routings of it do."""
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        watch.tell("bounding")
        found = bound_exchange(machine, declared_group(machine), watch)
    limit = found.bound
    fields = {
        "algbw_GBps": gigabytes(limit.algbw),
        "algbw_exact": exact(limit.algbw),
        "scope": limit.scope,
        "certificate": describe_certificate(machine, limit.certificate),
        "not_tried": watch.not_tried,
        "routed_GBps": gigabytes(found.routed),
        "routings": found.routings,
    }
    title = f"all_to_all on {machine.name}, {machine.ranks} ranks"
    several = "a routing" if found.routings == 1 else f"a mixture of {found.routings} routings"
    lines = [
        f"{title}: at most {rate(limit.algbw)} ({limit.scope})",
        f"  {several} over single paths reaches {rate(found.routed)}; `commplan compile` writes it "
        "where the machine's symmetry moves every rank",
    ]
    return Answer(fields, lines)


@click.command(cls=Command)
@_exchanges_too
@problem
@time_limit
@options
def bound(
    machine: Topology, what: Collective, time_limit: Seconds, options: SolverOptions
) -> Answer:
    """Prove what no schedule can beat."""
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        watch.tell("bounding")
        machine = restrict_relays(machine, what, options.relays)
        found = find_bound(machine, what, watch, options)
    fields = {
        "algbw_GBps": gigabytes(found.algbw),
        "algbw_exact": exact(found.algbw),
        "scope": found.scope,
        "certificate": describe_certificate(machine, found.certificate),
        "not_tried": watch.not_tried,
    }
    limit = f"{rate(found.algbw)} ({found.scope})"
    late = f"; not tried: {name_untried(watch.not_tried)}" if watch.not_tried else ""
    most = "at most " if found.algbw else ""
    return Answer(fields, [f"{heading(machine, what)}: {most}{limit}{late}"])
