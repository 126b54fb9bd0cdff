"""All commands: each parses, calls the library, and answers."""

from importlib import import_module

import click

from commplan._version import VERSION
from commplan.cli.io.answer import Commands

# Where each command stands: the module in `commands`, and the name there.
PLACES = {
    "topologies": ("machines", "topologies"),
    "topology": ("machines", "topology"),
    "import": ("importing", "import_machine"),
    "demand": ("demand", "demand"),
    "bound": ("bounds", "bound"),
    "compile": ("schedules", "compile"),
    "tune": ("measured.tuning", "tune"),
    "replan": ("changes.replanning", "replan"),
    "contingency": ("changes.contingencies", "contingency"),
    "upgrade": ("changes.upgrades", "upgrade"),
    "compare": ("changes.comparing", "compare"),
    "frontier": ("frontier", "frontier"),
    "expect": ("expectations", "expect"),
    "select": ("selecting", "select"),
    "job": ("jobs.planning", "job"),
    "together": ("jobs.together", "together"),
    "experts": ("jobs.experts", "experts"),
    "judge": ("measured.judgements", "judge"),
    "fit": ("measured.fits", "fit"),
    "calibrate": ("measured.calibrations", "calibrate"),
    "verify": ("measure", "verify"),
    "show": ("shown.text", "show"),
    "simulate": ("measure", "simulate"),
    "plot": ("shown.curves", "plot"),
    "report": ("shown.page", "report"),
    "emit": ("program", "emit"),
    "read": ("foreign.reading", "read"),
    "run": ("program", "run"),
    "doctor": ("doctor", "doctor"),
    "schema": ("shown.schema", "schema"),
    "completion": ("completion", "completion"),
    "fabric": ("fabric", "fabric"),
}


class LoadedLate(Commands):
    """Commands that are imported when they are asked for: all of them take a third of a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Keep the order of the work."""
        return list(PLACES)

    def get_command(self, ctx: click.Context | None, cmd_name: str) -> click.Command | None:
        """Import a command; None where none is named so."""
        if cmd_name not in PLACES:
            return None
        module, name = PLACES[cmd_name]
        found: click.Command = getattr(import_module(f"commplan.cli.commands.{module}"), name)
        return found


def _version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    """Print the version."""
    if not asked or context.resilient_parsing:
        return
    click.echo(f"{context.find_root().info_name} {VERSION}")
    context.exit()


@click.group(cls=LoadedLate, context_settings={"help_option_names": ["-h", "--help"]})
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
