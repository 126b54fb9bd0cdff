"""`commplan compare`: machines side by side, for each collective what they allow."""

from dataclasses import dataclass
from time import monotonic

import click

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.changes.design_range import expand
from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import time_limit
from commplan.cli.io.progress import progress
from commplan.expectation.expect import Expected
from commplan.expectation.expect import expect as predict
from solvers.lp.linear_program import Infeasible
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.settings.deadline import Watch
from topologies.formats import spec
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds, bytes_of, duration

USUAL = ("all_gather", "all_reduce", "all_to_all")


@dataclass(frozen=True)
class Compared:
    """A machine, what it is made of, and what it allows; a reason where it allows nothing."""

    name: str
    machine: Topology
    rows: tuple[Expected, ...]
    reason: str = ""

    @property
    def switches(self) -> int:
        """Count the switches."""
        return self.machine.vertices - self.machine.ranks

    @property
    def cables(self) -> int:
        """Count the links, a duplex pair as one."""
        return int((self.machine.mate < 0).sum() + (self.machine.mate >= 0).sum() // 2)


@click.command(cls=Command)
@click.argument("topologies", nargs=-1, required=True)
@click.option(
    "--collective",
    "collectives",
    multiple=True,
    type=quantities.Name("collective", COLLECTIVES),
    help=f"Which to compare for; repeatable ({', '.join(USUAL)}).",
)
@click.option(
    "--size",
    type=quantities.size,
    default="4KiB",
    show_default=True,
    help="The small size, in bytes of the largest buffer of a rank.",
)
@time_limit
def compare(
    topologies: tuple[str, ...], collectives: tuple[str, ...], size: Bytes, time_limit: Seconds
) -> Answer:
    """Put machines side by side: what they are made of, and what each collective may reach.

    A TOPOLOGY may stand for several: leaf-spine:8x1x4..8x8x4 are eight, with one to eight spines.
    For each collective: the bound of its rate, and the time of the best schedule known at a small
    size.
    """
    names = [name for word in topologies for name in expand(word)]
    machines = [spec.topology(name) for name in names]
    chosen = tuple(dict.fromkeys(collectives)) or USUAL
    started = monotonic()
    found: list[Compared] = []
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        for i, (name, machine) in enumerate(zip(names, machines, strict=True)):
            own = Watch(watch.left / (len(names) - i), watch.pass_on, watch, what=name)
            found.append(_of_one(name, machine, chosen, size, own))
        not_tried = list(watch.not_tried)
    fields = {
        "machines": [_fields(each) for each in found],
        "size": size,
        "not_tried": not_tried,
        "seconds": monotonic() - started,
    }
    late = [f"not tried: {', '.join(not_tried)}: the time was over"] if not_tried else []
    return Answer(fields, [*_lines(found, chosen, size), *late])


def _of_one(
    name: str, machine: Topology, chosen: tuple[str, ...], size: Bytes, watch: Watch
) -> Compared:
    """Work out what one machine allows."""
    asked = [collective(each, range(machine.ranks)) for each in chosen]
    try:
        return Compared(name, machine, predict(machine, asked, [size], watch=watch).rows)
    except Infeasible as error:
        return Compared(name, machine, (), str(error).splitlines()[0])


def _fields(each: Compared) -> dict[str, object]:
    return {
        "name": each.name,
        "ranks": each.machine.ranks,
        "switches": each.switches,
        "links": each.cables,
        "reason": each.reason,
        "collectives": {
            row.collective: {
                "bound_GBps": quantities.gigabytes(row.proof.algbw),
                "scope": row.scope,
                "seconds": row.best.seconds,
            }
            for row in each.rows
        },
    }


def _lines(found: list[Compared], chosen: tuple[str, ...], size: Bytes) -> list[str]:
    """Lay the machines out, one in a line: GB/s at most, and the time at the small size."""
    head = ["machine", "ranks", "switches", "cables"]
    for name in chosen:
        head += [f"{name} GB/s", bytes_of(size)]
    table = [head]
    for each in found:
        row = [each.name, f"{each.machine.ranks:,}", f"{each.switches:,}", f"{each.cables:,}"]
        known = {own.collective: own for own in each.rows}
        for name in chosen:
            own = known.get(name)
            row += ["-", "-"] if own is None else [_rate(own), duration(own.best.seconds)]
        table.append([*row, each.reason])
    width = [max(len(row[i]) for row in table) for i in range(len(head))]
    return [_line(row, width) for row in table]


def _line(row: list[str], width: list[int]) -> str:
    """Put the cells of a row below those of others: a name, figures, and what else there is."""
    figures = [cell.rjust(w) for cell, w in zip(row[1:], width[1:], strict=False)]
    return "  ".join([row[0].ljust(width[0]), *figures, *row[len(width) :]]).rstrip()


def _rate(own: Expected) -> str:
    rate = own.proof.algbw
    return "-" if rate is None else f"{float(rate) / 1e9:.6g}"
