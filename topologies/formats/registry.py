"""The formats of topology files, a module each."""

from collections.abc import Callable
from dataclasses import dataclass

from topologies.formats import graphml, json_text, toml_text
from topologies.formats.pictures import dot
from topologies.model.registry import Registry
from topologies.model.topology import Topology, TopologyError


@dataclass(frozen=True, slots=True)
class Format:
    """A language of topology files.

    Attributes:
        endings: those of its files' names, in small letters.
        read: makes the topology of a text, or raises ValueError with the place of the mistake, or
            TopologyError with all.
        write: the text of a topology, or TopologyError.
        sniff: whether a text is of this format, for names that tell nothing.
    """

    endings: tuple[str, ...]
    read: Callable[[str], Topology]
    write: Callable[[Topology], str]
    sniff: Callable[[str], bool]


FORMATS = Registry(
    "topology format",
    Format,
    "commplan.formats",
    {
        "json": Format((".json",), json_text.read, json_text.write, json_text.sniff),
        "dot": Format((".dot", ".gv"), dot.read, dot.write, dot.sniff),
        "graphml": Format((".graphml",), graphml.read, graphml.write, graphml.sniff),
        "toml": Format((".toml",), toml_text.read, toml_text.write, toml_text.sniff),
    },
    unknown_error=lambda fault: TopologyError([fault]),
)
