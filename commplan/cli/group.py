"""All commands: each parses, calls the library, and answers."""

import click

from commplan.cli.commands.demand import demand
from commplan.cli.commands.doctor import doctor
from commplan.cli.commands.expectations import expect
from commplan.cli.commands.fabric import fabric
from commplan.cli.commands.fits import fit
from commplan.cli.commands.frontier import frontier
from commplan.cli.commands.importing import import_machine
from commplan.cli.commands.judgements import judge
from commplan.cli.commands.machines import topologies, topology
from commplan.cli.commands.measure import simulate, verify
from commplan.cli.commands.program import emit, run
from commplan.cli.commands.schedules import bound, compile
from commplan.cli.commands.show import show
from commplan.cli.io.answer import Commands


def _version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    """Print the version that is installed; a folder of sources has none."""
    if not asked or context.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version  # slow to load

    try:
        found = version("commplan")
    except PackageNotFoundError:
        found = "(not installed)"
    click.echo(f"{context.find_root().info_name} {found}")
    context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
def commands() -> None:
    """Plan collective communication: the fastest schedule that a machine allows, with the proof.

    TOPOLOGY is a name with parameters (torus:4x4x4, dgx-a100:boxes=4, cloudmatrix384:nodes=2) or
    a topology file; `commplan topologies` lists the names. COLLECTIVE is all_gather,
    reduce_scatter, all_reduce, all_to_all, broadcast, reduce, gather, scatter, all_gatherv,
    reduce_scatterv, gatherv, scatterv, all_to_allv, dispatch, combine or file:PATH.
    A size is 4096, 64KiB or 64K (of 1024 bytes), 256MB (of 1000 each).
    """


for command in (
    topologies,
    topology,
    import_machine,
    demand,
    bound,
    compile,
    frontier,
    expect,
    judge,
    fit,
    verify,
    show,
    simulate,
    emit,
    run,
    doctor,
    fabric,
):
    commands.add_command(command)
