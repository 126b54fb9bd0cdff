"""`commplan fit`: start-up times, latencies and efficiencies from what was measured."""

import click

from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import file_name, output
from commplan.cli.io.measured.fits import fit_fields, fit_lines
from commplan.cli.io.progress import progress
from commplan.fitting.fit import fit as fit_rows
from commplan.judgement.bounds import time_bounds
from commplan.measurements.read import load_measurements
from commplan.measurements.rows import MOST_RANKS, Context
from solvers.schedules.kinds import COLLECTIVES
from topologies.formats import files, spec


@click.command(cls=Command)
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=file_name)
@click.option("--topology", required=True, help="The machine that it was measured on.")
@output(files.endings)
@click.option(
    "--collective",
    type=quantities.Name("collective", COLLECTIVES),
    help="Of a log that does not say which.",
)
@click.option(
    "--count", type=quantities.Whole(2, MOST_RANKS), help="Ranks, of a log that does not say it."
)
def fit(
    logs: tuple[str, ...], topology: str, output: str, collective: str | None, count: int | None
) -> Answer:
    """Fit what a start takes, hops, and the part of rates that is reached, to measurements.

    LOG is what `commplan judge` reads. The topology written has the efficiency of the link classes,
    and the latency of links where hops go over one class; `simulate --achieved` counts with them.
    """
    machine = spec.topology(topology)
    given = Context(collective, count, everyone=machine.ranks)
    rows = [row for log in logs for row in load_measurements(log, given)]
    with progress() as watch:
        watch.tell("fitting")
        found = fit_rows(machine, rows)
        bounds = time_bounds(machine, found.rows, watch)
    files.save(found.topology, output)
    return Answer(fit_fields(found, bounds), list(fit_lines(found, output)))
