"""`commplan select`: files by which libraries select among their own algorithms."""

import click

from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import choose_ranks, file_name, output
from commplan.cli.io.failures import write_file
from commplan.cli.io.measured.launching import map_file
from commplan.cli.io.needless import is_given
from commplan.cli.io.progress import progress
from commplan.cli.io.selections import rule_fields, rule_lines, rule_rows, tuned_fields, tuned_lines
from commplan.jobs import folder
from commplan.jobs.group_calls import GroupCalls, list_groups
from commplan.selection.choose import MARGIN
from commplan.selection.select import select as find_rules
from commplan.selection.shell import export
from commplan.selection.targets import MPICH, TARGETS, notes, open_target
from commplan.selection.tuned.tuners import HCCL, TUNERS, tune_hccl
from runtime.launch import rank_map
from solvers.jobs.errors import JobError
from topologies.formats import spec
from topologies.model.topology import Topology
from topologies.model.units import Rank, Seconds

SECONDS = 600.0


@click.command(cls=Command)
@click.argument("topology")
@click.argument("collectives", nargs=-1)
@click.option(
    "--target",
    required=True,
    type=quantities.Name("target", (*TARGETS, *TUNERS)),
    help="Whose file: " + ", ".join((*TARGETS, *TUNERS)) + ".",
)
@output()
@map_file
@click.option(
    "--ranks",
    multiple=True,
    help="Ranks of a communicator, by number or name, as 0,1,4-7 (all); repeatable.",
)
@click.option("--group", help="Of a job's plan: one kind of groups (all).")
@click.option(
    "--sizes",
    type=quantities.sizes,
    default="1KiB:64MiB",
    show_default=True,
    help="Bytes of the largest buffer of a rank, from the least to the largest; of a job's plan "
    "those that it calls.",
)
@click.option(
    "--margin",
    type=quantities.NumberRange(0, 10),
    default=MARGIN,
    show_default=True,
    help="A rule must gain more than this part of the time.",
)
@click.option(
    "--library",
    type=file_name,
    help="MPICH's libmpi.so.12 (that beside mpirun); for GPUs what `fit --json` printed.",
)
@click.option(
    "--time-limit",
    type=quantities.SecondsRange(0, 10**7, min_open=True),
    default=SECONDS,
    show_default=True,
    help="Seconds; collectives that do not fit in are left as they are.",
)
def select(
    topology: str,
    collectives: tuple[str, ...],
    target: str,
    output: str,
    map_file: str | None,
    ranks: tuple[str, ...],
    group: str | None,
    sizes: tuple[int, int],
    margin: float,
    library: str | None,
    time_limit: Seconds,
) -> Answer:
    """Write which of its own algorithms a library should take, by collective and size.

    The messages of its algorithms are played on the machine, process i being the rank that the
    map says; a rule is written where one gains more than the margin over the library's own choice.
    TOPOLOGY may be the folder of a job's plan: the rules then are for what its groups call; groups
    of as many processes share one, which must gain in all of them.
    """
    machine, asked = _open(topology, group, ranks, map_file)
    if target in TUNERS:
        return _tune(machine, target, output, library, [each.ranks for each in asked])
    if library is not None and target != MPICH:
        raise click.UsageError(f"--library is for {MPICH} and for GPUs, not for {target}")
    known = open_target(target, library)
    called = {name for each in asked for name in each.calls} & set(known.catalogue)
    if asked and asked[0].calls and not collectives and not called:
        raise JobError(f"{topology}: {target} selects for nothing that its groups call")
    names = collectives or [name for name in known.catalogue if name in called]
    if called and not is_given("sizes"):
        every = [size for each in asked for row in each.calls.values() for size in row]
        sizes = min(every), max(every)
    with progress(time_limit) as watch:
        played = [each.ranks for each in asked]
        found = find_rules(machine, played, known, names, sizes, margin, watch)
    write_file(output, found.write(known))
    line = export(known.variables(output), output)
    fields = {
        "machine": machine.name,
        "target": target,
        "rules": [rule_fields(rule) for rule in found.rules],
        "rows": rule_rows(found),
        "not_tried": list(found.not_tried),
        "notes": notes(known),
        "load": line,
        "path": output,
        "written": output,
    }
    lines = [*rule_lines(machine.name, target, found), *(f"  {note}" for note in notes(known))]
    return Answer(fields, [*lines, f"written to {output}", line])


def _open(
    place: str, kind: str | None, ranks: tuple[str, ...], map_file: str | None
) -> tuple[Topology, list[GroupCalls]]:
    """Give the machine, and the communicators with what is known of their calls.

    Raises:
        UsageError: an option that has no say there.
    """
    if not folder.is_plan(place):
        if kind is not None:
            raise click.UsageError("--group is for the folder of a job's plan")
        machine = spec.topology(place)
        played = _communicators(machine, ranks, map_file)
        return machine, [GroupCalls("", machine, each, {}, 1) for each in played]
    if ranks or map_file is not None:
        raise click.UsageError("a job's plan takes --group, not --ranks or --map")
    return list_groups(place, kind)


def _tune(
    machine: Topology,
    target: str,
    output: str,
    library: str | None,
    played: list[tuple[Rank, ...]],
) -> Answer:
    """Write a file for GPUs or NPUs: all ranks of a host, and their numbers that were measured.

    Raises:
        UsageError: an option that has no say there, or several communicators.
    """
    given = [name for name in ("collectives", "map_file", "sizes", "margin") if is_given(name)]
    if given:
        raise click.UsageError(f"--target {target} takes TOPOLOGY, --ranks and --library alone")
    if len(played) > 1 and target != HCCL:
        raise click.UsageError(
            f"--target {target} takes one communicator, found {len(played)}; of a job's plan give "
            "one kind by --group, whose groups are alike"
        )
    if len(played) > 1:
        found = tune_hccl(machine, played, library)
    else:
        found = TUNERS[target](machine, list(played[0]), library)
    write_file(output, found.text)
    variables = {name: value or output for name, value in found.variables.items()}
    line = export(variables, output)
    fields = tuned_fields(machine.name, target, found) | {"load": line, "path": output}
    fields["written"] = output
    return Answer(fields, [*tuned_lines(machine.name, target, found), f"written to {output}", line])


def _communicators(
    machine: Topology, ranks: tuple[str, ...], map_file: str | None
) -> list[tuple[Rank, ...]]:
    """Give the rank that each process plays, for each communicator.

    A map places all processes; communicators then have theirs in the order of the map.
    """
    asked = [tuple(choose_ranks(machine, text)) for text in ranks or (None,)]
    if map_file is None:
        return asked
    played = rank_map.read(map_file, range(machine.ranks), machine.names[: machine.ranks])
    return [tuple(rank for rank in played if rank in set(own)) for own in asked]
