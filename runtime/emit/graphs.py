"""Schedules as graphs to look at: what each link carries, or the way of one piece."""

from html import escape

import numpy as np

from runtime.metrics.link_loads import loads
from runtime.program.program import ProgramError
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.formats.pictures.dot import draw, quote
from topologies.model.parameters import Parser, whole
from topologies.model.topology import FloatArray

OPTIONS: dict[str, Parser] = {"piece": whole(0)}


def emit_dot(schedule: Schedule, piece: int | None = None) -> str:
    """Draw a schedule for Graphviz.

    Args:
        schedule: any that is right.
        piece: the one whose way is drawn, with steps; else all links, the busier the broader.

    Raises:
        ProgramError: there is no such piece.
    """
    if piece is not None:
        return _piece(schedule, piece)
    carried, busy = _loads(schedule)
    return draw(
        schedule.topology,
        [
            f'label="{part:.4g}", penwidth={0.5 + 4 * used:.2f}, color={_colour(used)}'
            for part, used in zip(carried.tolist(), busy.tolist(), strict=True)
        ],
    )


def _colour(used: float) -> str:
    return quote("red" if used > 0.999 else "black" if used else "grey")


def _loads(schedule: Schedule) -> tuple[FloatArray, FloatArray]:
    """Give what each link carries of the size, and how busy it is beside the busiest."""
    found = loads(schedule)
    carried = np.array([float(load) for load in found.load])[found.orbit]
    time = carried / np.array([float(each) for each in schedule.topology.bandwidth])
    most = float(time.max(initial=0.0))
    return carried, time / most if most else time


def _piece(schedule: Schedule, piece: int) -> str:
    whole_one = unfold(schedule)
    if piece >= whole_one.pieces:
        raise ProgramError(f"piece is {piece}, of {whole_one.pieces}")
    rows = whole_one.transfers
    links: list[int] = []
    labels: list[str] = []
    for t in np.flatnonzero(rows.piece == piece).tolist():
        row = rows[t]
        links += row.route
        labels += [f'label="step {row.step}{" +" if row.reduce else ""}"'] * len(row.route)
    return draw(schedule.topology, labels, links)


def emit_graphml(schedule: Schedule) -> str:
    """Write a machine with what a schedule puts on its links, as GraphML for graph tools."""
    machine = schedule.topology
    carried, busy = _loads(schedule)
    keys = [("name", "node", "string"), ("kind", "node", "string")]
    keys += [(name, "edge", "double") for name in ("bandwidth_GBps", "load", "busy")]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append('<graphml xmlns="http://graphml.graphdrawing.org/xmlns">')
    for name, of, kind in keys:
        lines.append(f'  <key id="{name}" for="{of}" attr.name="{name}" attr.type="{kind}"/>')
    lines.append('  <graph edgedefault="directed">')
    for vertex, name in enumerate(machine.names):
        kind = "rank" if vertex < machine.ranks else "switch"
        data = _data({"name": escape(name), "kind": kind})
        lines.append(f'    <node id="v{vertex}">{data}</node>')
    for link in range(machine.links):
        values = (float(machine.bandwidth[link]) / 1e9, carried[link], busy[link])
        data = _data(
            {name: f"{value:.9g}" for (name, _, _), value in zip(keys[2:], values, strict=True)}
        )
        ends = f'source="v{machine.src[link]}" target="v{machine.dst[link]}"'
        lines.append(f'    <edge id="e{link}" {ends}>{data}</edge>')
    return "\n".join([*lines, "  </graph>", "</graphml>"]) + "\n"


def _data(values: dict[str, str]) -> str:
    return "".join(f'<data key="{key}">{value}</data>' for key, value in values.items())
