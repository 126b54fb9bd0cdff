"""`commplan judge`: measured times beside what the machine allows."""

import click

from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import choose_ranks, file_name, time_limit
from commplan.cli.io.measured.judgements import judged_fields, judged_lines, verdict_fields
from commplan.cli.io.progress import progress
from commplan.judgement.judge import judge as compare
from commplan.measurements.read import load_measurements
from commplan.measurements.rows import MOST_RANKS, Context
from solvers.schedules.kinds import COLLECTIVES
from topologies.formats import spec
from topologies.model.units import Seconds


@click.command(cls=Command)
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=file_name)
@click.option("--topology", required=True, help="The machine that it was measured on.")
@click.option(
    "--collective",
    type=quantities.Name("collective", COLLECTIVES),
    help="Of a log that does not say which.",
)
@click.option(
    "--count", type=quantities.Whole(1, MOST_RANKS), help="Ranks, of a log that does not say it."
)
@click.option(
    "--ranks", help="Which ranks took part, by number or name, as 0,1,4-7 (the first ones)."
)
@time_limit
def judge(
    logs: tuple[str, ...],
    topology: str,
    collective: str | None,
    count: int | None,
    ranks: str | None,
    time_limit: Seconds,
) -> Answer:
    """Compare what was measured with what a machine allows, and say what is wrong first.

    LOG is the output of nccl-tests, rccl-tests, hccl_test, OSU micro-benchmarks, NCCL's Inspector
    (JSON), of benchmarks and `run` of commplan, or CSV with collective, ranks, size and seconds.
    A measurement above the bound means that the topology is wrong: the exit code then is 1, as it
    is where the log says that results were wrong.
    """
    machine = spec.topology(topology)
    chosen = None if ranks is None else choose_ranks(machine, ranks)
    given = Context(collective, count, everyone=len(chosen or range(machine.ranks)))
    rows = [row for log in logs for row in load_measurements(log, given)]
    with progress(time_limit) as watch:
        found = compare(machine, rows, ranks=chosen, watch=watch)
    fields = {
        "machine": found.machine,
        "possible": found.possible,
        "right": found.right,
        "rows": [judged_fields(row) for row in found.rows],
        "faults": [each.sentence for each in found.verdicts if each.factor != 1 or each.wrong],
        "verdicts": [verdict_fields(each) for each in found.verdicts],
    }
    return Answer(fields, list(judged_lines(found)), found.possible and found.right)
