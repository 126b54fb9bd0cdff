"""`commplan topologies` and `commplan topology`: which machines there are, as files."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import Output, expect_made_for, file_name, output, verify_first
from commplan.drawing.files import ENDINGS, save_drawing
from commplan.report.links import use_of_links
from solvers.schedules.files import load
from topologies.formats import files, spec
from topologies.model.messages import list_names
from topologies.model.topology import FloatArray, Topology
from topologies.model.units import count_of
from topologies.presets.figures import Figure
from topologies.presets.registry import PRESETS


def count(machine: Topology) -> dict[str, Any]:
    """Count ranks, switches and links."""
    switches = machine.vertices - machine.ranks
    return {"ranks": machine.ranks, "switches": switches, "links": machine.links}


@click.command(cls=Command)
def topologies() -> Answer:
    """List the machines that have names, with the counts of each example."""
    listed = []
    for entry in spec.catalogue():
        name = entry.example if PRESETS[entry.name].required else entry.name
        counts = count(spec.topology(name))
        listed.append({"name": name, **counts, "summary": entry.summary, "example": entry.example})
    lines = [f"{'name':18} {'ranks':>6} {'switches':>9} {'links':>7}  summary"]
    lines += [
        f"{row['name']:18} {row['ranks']:6} {row['switches']:9} {row['links']:7}  {row['summary']}"
        + (f" ({row['example']})" if row["example"] != row["name"] else "")
        for row in listed
    ]
    return Answer({"topologies": listed}, lines)


@click.command(cls=Command)
@click.argument("topology")
@output(files.endings, required=False)
@click.option("--evidence", is_flag=True, help="Show its figures, each with its source.")
@click.option("--draw", type=Output(lambda: ENDINGS), help="Draw it (.svg, .png or .dot).")
@click.option(
    "--used",
    metavar="SCHEDULE",
    type=file_name,
    help="Colour the links of --draw by how much of them a schedule uses.",
)
def topology(
    topology: str, output: str | None, evidence: bool, draw: str | None, used: str | None
) -> Answer:
    """Read a machine and count what it has; write it as a topology file, or draw it.

    A file is JSON, or TOML or GraphML if its name ends so.
    """
    if used and not draw:
        raise click.UsageError("--used colours a picture: expected --draw FILE as well")
    machine = spec.topology(topology)
    fields: dict[str, Any] = {"name": machine.name, **count(machine)}
    lines = []
    counts = ", ".join(map(count_of, count(machine).values(), ("rank", "switch", "link")))
    if output:
        files.save(machine, output)
        lines.append(f"{machine.name}: {counts}, written to {output}")
    elif not (draw or evidence):
        lines += [f"{machine.name}: {counts}", *_one_way(machine)]
    if draw:
        save_drawing(machine, draw, _use(machine, used) if used else None)
        lines.append(f"{machine.name}: drawn in {draw}")
    if evidence:
        figures = spec.figures(topology, machine)
        fields["figures"] = [asdict(figure) for figure in figures]
        lines += _show_figures(machine.name, figures)
    return Answer(fields, lines)


def _one_way(machine: Topology) -> list[str]:
    """Name the links without a way back, which a file has where `duplex` was forgotten."""
    back = set(zip(machine.dst.tolist(), machine.src.tolist(), strict=True))
    ends = enumerate(zip(machine.src.tolist(), machine.dst.tolist(), strict=True))
    alone = [machine.link_name(link) for link, pair in ends if pair not in back]
    return [f"{count_of(len(alone), 'link')} one way only: {list_names(alone)}"] if alone else []


def _use(machine: Topology, schedule: str) -> FloatArray:
    """Compute the part of each link that a schedule for this machine uses.

    Raises:
        ScheduleFileError: it is none, or was made for another machine.
    """
    made = load(schedule)
    expect_made_for(made, machine, schedule)
    verify_first(made)
    return use_of_links(made)


def _show_figures(name: str, figures: Sequence[Figure]) -> list[str]:
    """Lay out figures, those that the machine is built on with a star."""
    shown = [f"{figure.value} {figure.unit}".strip() for figure in figures]
    wide = [max(map(len, column), default=0) for column in (shown, [f.what for f in figures])]
    return [
        f"{name}: * marks what it is built on, other figures stand beside",
        *(
            f"{'*' if figure.used else ' '} {figure.what:{wide[1]}}  {text:{wide[0]}}  "
            f"{figure.evidence or 'not stated':11}  {figure.source or 'no source'}"
            for text, figure in zip(shown, figures, strict=True)
        ),
    ]
