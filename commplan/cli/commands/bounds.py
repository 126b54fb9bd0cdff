"""`commplan bound`: the proof alone, without what looks for schedules."""

import click

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import heading, options, problem, time_limit
from commplan.cli.io.certificates import describe_certificate, find_bound
from commplan.cli.io.progress import name_untried, progress
from commplan.cli.io.quantities import exact, gigabytes
from solvers.groups.parts import restrict_relays
from solvers.schedules.collective import Collective
from solvers.settings.options import SolverOptions
from topologies.model.topology import Topology
from topologies.model.units import Seconds, rate


@click.command(cls=Command)
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
