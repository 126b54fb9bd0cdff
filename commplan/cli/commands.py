"""All commands: each parses, calls the library, and answers."""

from importlib.metadata import PackageNotFoundError, version

import click

from commplan.cli.answer import Commands
from commplan.cli.demand import demand
from commplan.cli.doctor import doctor
from commplan.cli.fabric import fabric
from commplan.cli.frontier import frontier
from commplan.cli.machines import topologies, topology
from commplan.cli.measure import simulate, verify
from commplan.cli.program import emit, run
from commplan.cli.schedules import bound, compile


def _version() -> str:
    """Give the version that is installed; a folder of sources has none."""
    try:
        return version("commplan")
    except PackageNotFoundError:
        return "(not installed)"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version=_version(), message="%(prog)s %(version)s")
def commands() -> None:
    """Plan collective communication: the fastest schedule that a machine allows, with the proof.

    TOPOLOGY is a name with parameters (torus:4x4x4, dgx-a100:boxes=4, cloudmatrix384:nodes=2) or
    a topology file; `commplan topologies` lists the names. COLLECTIVE is all_gather,
    reduce_scatter, all_reduce, all_to_all, all_to_allv, broadcast, reduce, gather, scatter,
    dispatch or combine.
    """


for command in (
    topologies,
    topology,
    demand,
    bound,
    compile,
    frontier,
    verify,
    simulate,
    emit,
    run,
    doctor,
    fabric,
):
    commands.add_command(command)
