"""`commplan calibrate`: a machine from what the processes of an MPI job measure between them."""

import sys
import time

import click

from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import Output, file_name
from commplan.cli.io.measured.calibrations import calibration_fields, calibration_lines
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import SecondsRange
from runtime.calibrate.calibrate import calibrate as measure
from runtime.calibrate.launches import load as load_launches
from runtime.calibrate.launches import save as save_launches
from runtime.calibrate.processes.crew import Crew, CrewError, go_home, world
from topologies.formats import files, spec
from topologies.model.errors import BUG, WRONG_INPUT, CommplanError
from topologies.model.topology import Topology
from topologies.model.units import count_of


class Together(Command):
    """A command of which every process of a job runs a copy: the first one speaks for all."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse wrong words once, and not once for each process."""
        try:
            return super().parse_args(ctx, args)
        except click.ClickException:
            if "mpi4py" in sys.modules:
                silent = world().rank > 0
                go_home()
                if silent:
                    ctx.exit(WRONG_INPUT)
            raise


@click.command(cls=Together)
@click.option("--topology", help="The machine as it is thought to be; process i is its rank i.")
@click.option("-o", "--output", required=True, type=file_name, help="File to write.")
@click.option(
    "--seconds",
    type=SecondsRange(1, 10**6),
    default=60.0,
    show_default=True,
    help="For measuring, about: what is not known then keeps what is stated.",
)
@click.option(
    "--window",
    type=SecondsRange(0.001, 100),
    default=0.4,
    show_default=True,
    help="Seconds in which the bytes of each round are counted.",
)
@click.option(
    "--launches",
    type=file_name,
    help="File of measurements: those of earlier jobs count as well, those of this one are added.",
)
@click.option("--name", default="calibrated", show_default=True, help="Of a machine that is found.")
def calibrate(
    topology: str | None,
    output: str,
    seconds: float,
    window: float,
    launches: str | None,
    name: str,
) -> Answer | None:
    """Measure the machine that the processes of this job are on, and write its topology.

    Start it as mpirun -n N python -m mpi4py -m commplan calibrate -o FILE, one process for each
    rank. With --topology its link classes get the rates and latencies that were measured, and links
    slower than stated are told; without it, groups of ranks that share uplinks are looked for.
    """
    crew = Crew(world(), seconds, window)
    if crew.comm.rank:
        code = crew.serve()
        go_home()
        click.get_current_context().exit(code)
    code = BUG
    try:
        answer = _lead(crew, topology, output, launches, name)
        code = 0
    except CommplanError as error:
        code = error.exit_code
        raise
    except click.ClickException:
        code = WRONG_INPUT
        raise
    finally:
        crew.end(code)
        go_home()
    return answer


def _lead(crew: Crew, topology: str | None, output: str, launches: str | None, name: str) -> Answer:
    """Do what the first process does."""
    Output(files.endings).convert(output, None, None)
    if launches is not None:
        Output().convert(launches, None, None)
    stated = None if topology is None else _read(crew, topology)
    began = time.perf_counter()
    crew.meet()
    with progress() as watch:
        earlier = [] if launches is None else load_launches(launches, crew.names)
        found = measure(crew, stated, name, earlier, watch.tell)
    files.save(found.topology, output)
    if launches is not None:
        save_launches(launches, crew.names, [*earlier, found.launch])
    took = time.perf_counter() - began
    return Answer(
        calibration_fields(found, stated is not None, took),
        list(calibration_lines(found, stated is not None, took, output)),
    )


def _read(crew: Crew, topology: str) -> Topology:
    """Read the stated machine.

    Raises:
        CrewError: it has another number of ranks than there are processes.
    """
    stated = spec.topology(topology)
    if stated.ranks != crew.comm.size:
        raise CrewError(
            f"{count_of(crew.comm.size, 'process')}, expected {stated.ranks}, one for each rank of "
            f"{stated.name}"
        )
    return stated
