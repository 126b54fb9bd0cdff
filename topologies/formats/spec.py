"""Machines by name: `torus:4x4x4`, `dgx-a100:boxes=4`, or the path of a file."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from topologies.derive.ports import with_ports
from topologies.formats import files
from topologies.formats.reader import LINK_LIMIT
from topologies.model.arguments import refuse
from topologies.model.messages import nearest, one_line, prefix, show_value
from topologies.model.parameters import read
from topologies.model.topology import Topology, TopologyError, frozen
from topologies.presets.figures import Figure, read_figures
from topologies.presets.preset import EVERYWHERE, Preset
from topologies.presets.registry import PRESETS


class Entry(NamedTuple):
    """A line of the catalogue: a name, an example of its use, and what it is."""

    name: str
    example: str
    summary: str


def topology(spec: str) -> Topology:
    """Make the machine that a name with parameters, or the path of a file, stands for.

    Args:
        spec: a name, with parameters after colons, or the path of a file.

    Returns:
        the machine.

    Raises:
        TopologyError: an unknown name, a wrong parameter, or a file with mistakes; a line for each.

    Example:
        >>> machine = topology("torus:4x4")
        >>> machine.ranks, machine.links
        (16, 64)
    """
    if not isinstance(spec, str):
        if not isinstance(spec, os.PathLike):
            refuse("topology", spec, "a name or a path", lambda fault: TopologyError([fault]))
        spec = os.fspath(spec)
    name, *words = re.split("[:,]", spec)
    if name in PRESETS:
        return _make(name, words, spec)
    if os.path.sep in spec or files.is_topology_file(spec) or _exists(spec):
        return files.load(spec)
    known = PRESETS.names()
    near = f"nearest: {near}; " if (near := nearest(name, known)) else ""
    listed = f"`commplan topologies` lists {len(known)} names"
    raise TopologyError(
        [one_line(f"no machine and no file is named {show_value(name)}; {near}{listed}")]
    )


def catalogue() -> tuple[Entry, ...]:
    """List the names that `topology` knows."""
    return tuple(Entry(name, p.example, p.summary) for name, p in PRESETS.items())


def figures(spec: str, machine: Topology) -> tuple[Figure, ...]:
    """List the figures of a machine: those of its preset, else what its link classes say.

    Args:
        spec: that `topology` made the machine of.
        machine: it.
    """
    name = re.split("[:,]", os.fspath(spec))[0]
    if name not in PRESETS:
        return _class_figures(machine)
    ours = PRESETS.is_ours(name)
    return (read_figures(name) if ours else PRESETS[name].figures) or _class_figures(machine)


def _class_figures(machine: Topology) -> tuple[Figure, ...]:
    """Take from each class of links its rates, its source and what was measured of it."""
    found = []
    for number, each in enumerate(machine.classes):
        rates = sorted(set(machine.bandwidth[machine.link_class == number].tolist()))
        value = ", ".join(f"{rate / 1e9:g}" for rate in rates[:4]) + ", ..." * (len(rates) > 4)
        found.append(
            Figure(f"{each.name}: a link", value, "GB/s each way", each.source, each.evidence)
        )
        if each.efficiency_source:
            part = f"{float(each.efficiency):.3g}"
            found.append(
                Figure(f"{each.name}: reached", part, "of it", each.efficiency_source, "measured")
            )
    return tuple(found)


def _exists(path: str) -> bool:
    return "\0" not in path and os.path.exists(path)


def _make(name: str, words: list[str], spec: str) -> Topology:
    """Make a preset from the words after its name."""
    preset = PRESETS[name]
    known = preset.parameters
    arguments, faults = read(
        words, {**known, **EVERYWHERE}, next(iter(known), None) if preset.nameless else None
    )
    if not faults and preset.required and next(iter(known)) not in arguments:
        first = next(iter(known))
        what = first if first == "seed" else "the size"
        faults = [f"{what} is missing, as in {preset.example}"]
    if not faults and (links := preset.links(arguments)) > LINK_LIMIT:
        faults = [f"up to {float(links):.3g} links, at most {LINK_LIMIT:,} are made"]
    try:
        if faults:
            raise TopologyError(faults)
        return _make_with_limits(preset, arguments, words)
    except TopologyError as error:
        raise TopologyError(prefix(spec[:100], error.faults)) from None


def _name_rest(
    preset: Preset, name: str, arguments: Mapping[str, Any], words: Sequence[str]
) -> str:
    """Write the parameters that a machine's name leaves out, but for those that change nothing."""
    usual = {key: each.default for key, each in signature(preset.make).parameters.items()}
    written = {word.partition("=")[0]: word for word in words if "=" in word}
    if preset.required:  # the first one stands behind the name already
        written.pop(next(iter(preset.parameters)), None)
    return "".join(
        f":{written[key]}"
        for key, value in arguments.items()
        if key in written and f":{key}=" not in name and value != usual.get(key)
    )


def _make_with_limits(preset: Preset, arguments: dict[str, Any], words: Sequence[str]) -> Topology:
    """Make a machine with the parameters that all have: the overhead, and the ports of a rank."""
    overhead, ports = arguments.pop("overhead", 0.0), arguments.pop("ports", 0)
    made = preset.make(**arguments)
    made = replace(made, name=made.name + _name_rest(preset, made.name, arguments, words))
    if overhead:
        name = f"{made.name}:overhead={round(overhead * 1e6, 6):g}"
        made = replace(made, name=name, overhead=frozen(np.full(made.ranks, overhead)))
    if ports:
        made = with_ports(replace(made, name=f"{made.name}:ports={ports}"), [ports] * made.ranks)
    return made
