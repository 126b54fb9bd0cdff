"""Options that would change nothing are refused, so that nobody believes that they did."""

import click
from click.core import ParameterSource

from solvers.schedules import files
from solvers.schedules.capabilities import Relays
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule
from topologies.model.topology import Topology
from topologies.model.units import Bytes


def is_given(name: str) -> bool:
    """Tell whether an option of the command that runs was written out."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def refuse_options(
    machine: Topology, what: Collective, in_network: bool, relays: Relays | None
) -> None:
    """Refuse to say what others do where there are none.

    Raises:
        BadParameter: no switch copies or adds, or all ranks take part.
    """
    if in_network and not (machine.multicast | machine.reduce)[machine.ranks :].any():
        fault = f"no switch of {machine.name} copies or adds"
        raise click.BadParameter(fault, param_hint="--in-network")
    if relays is not None and len(what.ranks) == machine.ranks:
        fault = f"all {machine.ranks} ranks of {machine.name} take part; --ranks says which do"
        raise click.BadParameter(fault, param_hint="--relays")


def refuse_type(where: str) -> None:
    """Refuse an element type where no size is rounded; where: what is missing.

    Raises:
        BadParameter: one is given.
    """
    if is_given("dtype"):
        raise click.BadParameter(f"it is for {where}", param_hint="--type")


def refuse_size(file: str, size: Bytes | None) -> None:
    """Refuse a size where it says nothing but which schedule of a set is meant.

    Raises:
        BadParameter: there is one, and the file holds no set.
    """
    if size is not None and not files.is_set(file):
        fault = f"{file} holds one schedule, for every size"
        raise click.BadParameter(fault, param_hint="--size")


def refuse_op(what: Collective) -> None:
    """Refuse an operation where nothing is added up.

    Raises:
        BadParameter: one is given, and each block has one holder.
    """
    if is_given("op") and what.counts[0].max(initial=0) <= 1:
        raise click.BadParameter(f"{what.name} adds nothing up", param_hint="--op")


def refuse_achieved(schedule: Schedule) -> None:
    """Refuse measured bandwidths where none are known.

    Raises:
        BadParameter: no class of links says which part of its bandwidth was measured.
    """
    if all(each.efficiency == 1 for each in schedule.topology.classes):
        fault = f"no class of links of {schedule.topology.name} says what was measured"
        raise click.BadParameter(fault, param_hint="--achieved")
