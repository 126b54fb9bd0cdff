"""The arguments that several commands share, read into values of the library.

What some of them need is loaded when they are given: formats and presets of machines take as long
as all the rest.
"""

import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import click
import numpy as np

from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Once
from commplan.cli.io.failures import RefusedError
from runtime.metrics.pacing import MOST_LEAD
from runtime.program.program import DTYPES
from runtime.verify.verify import Report, verify
from solvers.schedules import files
from solvers.schedules.capabilities import RELAYS, Relays
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import BLOCKS, KINDS, TOKENS, collective, find, is_sized
from solvers.schedules.schedule import Schedule
from solvers.schedules.text import heading as heading
from solvers.settings.options import SYMMETRY_USES, SolverOptions, SymmetryUse
from topologies.formats import atomic
from topologies.model import selection
from topologies.model.messages import prefix
from topologies.model.topology import IntArray, Topology, TopologyError
from topologies.model.units import Bytes, Rank

Body = Callable[..., Answer]
Decorator = Callable[[Body], Body]


def file_name(text: str) -> str:
    """Refuse the empty name, which the system takes for the current folder.

    Raises:
        BadParameter: it is empty.
    """
    if not text:
        raise click.BadParameter("an empty name, expected that of a file")
    return text


class Output(click.Path):
    """A file to be written; refused before any work where that cannot be.

    endings: gives those of its name, where there is one.
    """

    name = "file"

    def __init__(self, endings: Callable[[], Sequence[str]] | None = None) -> None:
        super().__init__(dir_okay=False, writable=True, readable=False)
        self._endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Check the name and the folder besides the file."""
        path = str(value)
        folder = os.path.dirname(path) or "."
        file_name(path)
        if path == "-":
            self.fail("-: no name of a file; /dev/stdout is the standard output", param, ctx)
        try:
            os.stat(path)
        except FileNotFoundError:
            if not os.path.isdir(folder):
                self.fail(f"{path}: there is no folder {folder}", param, ctx)
            if not os.access(folder, os.W_OK):
                self.fail(f"{path}: the folder {folder} takes no new files", param, ctx)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            self.fail(f"{path}: {(reason or str(error)).lower()}", param, ctx)
        if self._endings is not None:
            try:
                atomic.expect_ending(path, self._endings())
            except ValueError as error:
                self.fail(f"{path}: {error}", param, ctx)
        return super().convert(value, param, ctx)


def output(endings: Callable[[], Sequence[str]] | None = None, required: bool = True) -> Decorator:
    """Add -o, the file to write; endings: gives those of its name."""
    return click.option(
        "-o", "--output", required=required, type=Output(endings), help="File to write."
    )


time_limit = click.option(
    "--time-limit",
    type=quantities.SecondsRange(0, 10**7, min_open=True),
    default=600.0,
    show_default=True,
    help="Seconds for the solver.",
)
dtype = click.option(
    "--type",
    "dtype",
    type=quantities.Name("element type", DTYPES),
    default="float32",
    show_default=True,
    help="Element type; a size is rounded down to whole elements of each block, one at least.",
)


lead_option = click.option(
    "--lead", type=quantities.Whole(1, MOST_LEAD), help="Instead of the schedule's."
)
token_bytes = click.option(
    "--token-bytes",
    type=quantities.Whole(1, 2**32),
    help="Bytes of a token, where the demand is in tokens (it is in bytes; dispatch, combine: "
    "7168).",
)
size_option = click.option(
    "--size",
    cls=Once,
    type=quantities.size,
    help="Bytes of the largest buffer of a rank, as 64KiB, 256MB or 4096 "
    "(all_to_allv, dispatch, combine: what the demand says, which is the default).",
)


def options(body: Body) -> Body:
    """Add what a search may use and must keep to; the body gets it as one value."""

    @click.option(
        "--symmetry",
        type=quantities.Name("use of symmetry", SYMMETRY_USES),
        default="found",
        show_default=True,
        help="Which to use: what is declared or else found, what is declared, none.",
    )
    @click.option(
        "--in-network",
        is_flag=True,
        help="Let switches copy and add, those that the topology says can; no MPI program does.",
    )
    @click.option(
        "--max-height",
        type=quantities.Whole(1, 2**16),
        help="Messages that may wait for each other in a row, at most; the bound then is one of "
        "such schedules.",
    )
    @click.option(
        "--relays",
        type=quantities.Name("use of relays", RELAYS),
        help="What ranks outside --ranks do: nothing, pass messages on, or copy and add as well "
        "(all).  [default: forward]",
    )
    @click.option(
        "--solver", help="Name of the solver to take, where the collective is not to decide."
    )
    @wraps(body)
    def gathered(
        machine: Topology,
        what: Collective,
        symmetry: SymmetryUse,
        in_network: bool,
        max_height: int | None,
        relays: Relays | None,
        solver: str | None,
        **rest: Any,  # noqa: ANN401
    ) -> Answer:
        from commplan.cli.io import needless

        needless.refuse_options(machine, what, in_network, relays)
        others = relays or SolverOptions().relays
        found = SolverOptions(symmetry, in_network, max_height, relays=others, solver=solver)
        return body(machine, what, options=found, **rest)

    return gathered


def problem(body: Body) -> Body:
    """Add TOPOLOGY, COLLECTIVE, --ranks and --root; the body gets them as two values."""

    @click.argument("topology")
    @click.argument("collective")
    @click.option(
        "--ranks",
        cls=Once,
        help="Ranks that take part, by number or name, as 0,1,4-7 or 'n0.*,n1.d0' (all).",
    )
    @click.option(
        "--root", cls=Once, help="Root of a rooted collective, by number or name (the first)."
    )
    @click.option(
        "--demand",
        cls=Once,
        help="A file or a description: for all_to_allv what each rank sends to each, for dispatch "
        "and combine the experts of each token; a file of one row says what --blocks does.",
    )
    @click.option(
        "--blocks",
        cls=Once,
        help="For all_gatherv, reduce_scatterv, gatherv and scatterv: the bytes of each rank's "
        "block, as 1000,0,64KiB; the size is their sum.",
    )
    @token_bytes
    @click.option(
        "--experts",
        type=quantities.Whole(1, 2**20),
        help="How many experts there are, where a file tells those of each token.",
    )
    @wraps(body)
    def reading(
        topology: str,
        ranks: str | None,
        root: str | None,
        **rest: Any,  # noqa: ANN401
    ) -> Answer:
        machine = read_machine(topology)
        chosen = choose_ranks(machine, ranks)
        start = None if root is None else _root(machine, root)
        asked = [rest.pop(name) for name in _ASKED]
        return body(machine, _read_collective(chosen, start, *asked), **rest)

    return reading


def read_machine(text: str) -> Topology:
    """Read a machine: a preset with parameters, or a file."""
    from topologies.formats import spec

    return spec.topology(text)


FILE = "file:"  # in front of the path of a collective of one's own
_ASKED = ("collective", "demand", "blocks", "token_bytes", "experts")


def choose_ranks(machine: Topology, text: str | None) -> Sequence[Rank]:
    """Read the ranks that take part, all where nothing is said; a mistake names the option.

    Raises:
        TopologyError: a word that is none, or a rank listed twice.
    """
    if text is None:
        return range(machine.ranks)
    try:
        return selection.ranks(machine, text)
    except TopologyError as error:
        raise TopologyError(prefix("Invalid value for --ranks", error.faults)) from None


def _root(machine: Topology, text: str) -> int:
    """Read the root; a mistake names the option.

    Raises:
        TopologyError: it is no rank.
    """
    try:
        return selection.rank(machine, text)
    except TopologyError as error:
        raise TopologyError(prefix("Invalid value for --root", error.faults)) from None


def _read_collective(
    ranks: Sequence[Rank],
    root: Rank | None,
    name: str,
    demand: str | None,
    blocks: str | None,
    token_bytes: Bytes | None,
    experts: int | None,
) -> Collective:
    if name.startswith(FILE):
        if any(other is not None for other in (demand, blocks, token_bytes, experts, root)):
            raise click.UsageError(f"{name} says everything; leave the other options out")
        from solvers.demands import own  # each kind of demand is loaded when one is given

        if name == FILE:
            raise click.UsageError("file: names none, expected file:PATH")
        return own.load(name.removeprefix(FILE), tuple(ranks))
    kind = find(name)
    given = None if kind is None else kind.given
    if experts is not None and given is not TOKENS:
        raise click.UsageError(f"--experts is for dispatch and combine, not for {name}")
    if token_bytes is not None and (kind is None or given is None or given in BLOCKS):
        raise click.UsageError(f"--token-bytes is for demands in tokens, not for {name}")
    if kind is not None and given is None and demand is not None:
        known = ", ".join(other.name for other in KINDS.values() if other.given is not None)
        raise click.UsageError(f"--demand is for {known}, not for {name}")
    if blocks is not None and given not in BLOCKS:
        known = ", ".join(other.name for other in KINDS.values() if other.given in BLOCKS)
        raise click.UsageError(f"--blocks is for {known}, not for {name}")
    if given in BLOCKS:
        return collective(name, ranks, root, blocks=_blocks(name, ranks, blocks, demand))
    if kind is None or given is None or root is not None:
        return collective(name, ranks, root)
    if demand is None:
        raise click.UsageError(f"{name} needs --demand FILE or --demand DESCRIPTION")
    chosen = tuple(sorted(ranks))
    if given is TOKENS:
        from solvers.demands import moe_tokens

        routed = moe_tokens.tokens(demand, len(ranks), token_bytes, experts)
        return kind.make(chosen, chosen[0], routed)
    from solvers.demands import matrix

    return kind.make(chosen, chosen[0], matrix.demand(demand, len(ranks), token_bytes))


def _blocks(name: str, ranks: Sequence[Rank], blocks: str | None, demand: str | None) -> IntArray:
    """Read the bytes of each rank's block."""
    from solvers.demands import blocks as reading

    if blocks is not None and demand is not None:
        raise click.UsageError("--blocks and --demand say the same; give one of them")
    if blocks is not None:
        return reading.read_blocks(blocks, len(ranks))
    if demand is None:
        raise click.UsageError(f"{name} needs --blocks 1000,0,3000,... or --demand FILE")
    return reading.load(demand, len(ranks))


def size_or_demand(what: Collective, size: Bytes | None) -> Bytes:
    """Give the size in bytes: what the user says or, where the demand has one, that.

    Raises:
        MissingParameter: neither does.
    """
    if size is None and not is_sized(what):
        raise click.MissingParameter(param_hint="'--size'", param_type="option")
    return what.total if size is None else size


def schedule_in(body: Body) -> Body:
    """Add FILE and --topology; the body gets the schedule, that of a set by its --size."""

    @click.argument("file", type=file_name)
    @click.option("--topology", help="Refuse the file unless it was made for this machine.")
    @wraps(body)
    def reading(file: str, topology: str | None, **rest: Any) -> Answer:  # noqa: ANN401
        return body(open_schedule(file, topology, rest.get("size")), **rest)

    return reading


def open_schedule(file: str, topology: str | None, size: Bytes | None) -> Schedule:
    """Read a schedule, that of a set by the size, and refuse one of another machine."""
    schedule = files.load(file, size)
    if topology is not None:
        expect_made_for(schedule, read_machine(topology), file)
    return schedule


def one_schedule_in(body: Body) -> Body:
    """Add FILE, --topology and --size; the body gets the schedule, that of a set by the size."""

    @schedule_in
    @click.option(
        "--size", type=quantities.size, help="Of a set: the size whose schedule is meant."
    )
    @wraps(body)
    def reading(schedule: Schedule, size: Bytes | None, **rest: Any) -> Answer:  # noqa: ANN401
        from commplan.cli.io import needless

        needless.refuse_size(click.get_current_context().params["file"], size)
        return body(schedule, **rest)

    return reading


def expect_made_for(schedule: Schedule, machine: Topology, file: str) -> None:
    """Refuse a file that was made for another machine, and name it.

    Raises:
        ScheduleFileError: it was.
    """
    try:
        files.check_topology(schedule, machine)
    except files.ScheduleFileError as error:
        raise files.ScheduleFileError(f"{file}: {error}") from None


def verify_first(schedule: Schedule) -> Report:
    """Verify a schedule before it is used.

    Raises:
        RefusedError: with each fault.
    """
    report = verify(schedule)
    if not report.correct:
        raise RefusedError("\n".join(f"wrong schedule: {fault}" for fault in report.faults))
    return report


def whole_elements(what: Collective, size: Bytes, dtype: str) -> Bytes:
    """Round a size in bytes down to what is used: whole elements of each block, at least one."""
    from runtime.program.memory_layout import elements

    return elements(what, size, dtype) * np.dtype(dtype).itemsize
