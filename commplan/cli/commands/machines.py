"""`commplan topologies` and `commplan topology`: which machines there are, as files."""

from typing import Any

import click

from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import output
from topologies.formats import files, spec
from topologies.model.topology import Topology
from topologies.model.units import count_of
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
@output(files.endings)
def topology(topology: str, output: str) -> Answer:
    """Write a machine as a topology file (JSON, or TOML or GraphML if FILE ends so)."""
    machine = spec.topology(topology)
    files.save(machine, output)
    counts = count(machine)
    nouns = ("rank", "switch", "link")
    figures = ", ".join(map(count_of, counts.values(), nouns))
    fields = {"name": machine.name, **counts}
    return Answer(fields, [f"{machine.name}: {figures}, written to {output}"])
