"""Topology files: which format a file is in, and every mistake of it named at once."""

from topologies.formats import atomic, contents
from topologies.formats.registry import FORMATS
from topologies.model.arguments import of
from topologies.model.messages import prefix
from topologies.model.topology import Topology, TopologyError

SIZE_LIMIT = 50 * 10**6  # bytes
WANTED = "a topology (JSON, TOML or GraphML)"
MAYBE: tuple[str, ...] = (
    contents.TOPOLOGY,
    contents.OBJECT,
    contents.TOML,
    contents.GRAPHML,
    contents.XML,
)


def load(path: atomic.Name) -> Topology:
    """Read a topology file; the end of its name says in which format, else its text does.

    Args:
        path: its ending says in which format it is, else its text does.

    Raises:
        TopologyError: with every mistake of the file, one line each, with its place.
    """
    try:
        return _read(str(path), atomic.read(path, SIZE_LIMIT))
    except OSError as error:
        faults = [(error.strerror or str(error)).lower()]
    except TopologyError as error:
        faults = list(error.faults)
    except UnicodeDecodeError as error:
        faults = [f"byte {error.start}: not UTF-8 text"]
    except RecursionError:
        faults = ["nested too deeply"]
    except ValueError as error:
        faults = [str(error)]
    raise TopologyError(prefix(path, faults))


def _read(path: str, data: bytes) -> Topology:
    """Make the topology that the bytes of a file describe.

    Raises:
        ValueError: it holds something else, or is damaged.
        TopologyError: with every mistake of the description.
    """
    if name := _format_by_name(path):
        # What is damaged is told with its place.
        known = (*MAYBE, contents.TEXT)
    else:
        name, known = _sniff_format(data.decode("utf-8-sig", "replace")), MAYBE
    if name is None or FORMATS.is_ours(name):
        contents.expect(data, known, WANTED)
    return FORMATS[name or "toml"].read(data.decode("utf-8-sig"))


def save(made: Topology, path: atomic.Name) -> None:
    """Write a topology file in the format that its name ends as, else in JSON; whole or not at all.

    Args:
        made: the machine.
        path: its ending says the format; JSON, if it says none.

    Raises:
        TopologyError: a file cannot say what the topology is, its name ends as that of something
            else, or it cannot be written.
    """
    of("topology", made, Topology)
    try:
        atomic.expect_ending(path, endings())
        atomic.write(path, FORMATS[_format_by_name(str(path)) or "json"].write(made))
    except OSError as error:
        raise TopologyError(prefix(path, [(error.strerror or str(error)).lower()])) from None
    except TopologyError:
        raise
    except ValueError as error:
        raise TopologyError(prefix(path, [str(error)])) from None


def endings() -> tuple[str, ...]:
    """List how the names of topology files end."""
    return tuple(ending for each in FORMATS.values() for ending in each.endings)


def is_topology_file(path: str) -> bool:
    """Tell whether a text ends as the name of a topology file does."""
    return _format_by_name(path) is not None


def _format_by_name(path: str) -> str | None:
    """Find the format that the end of a name tells."""
    known = FORMATS.items()
    return next((name for name, each in known if path.lower().endswith(each.endings)), None)


def _sniff_format(text: str) -> str | None:
    """Find the format of a text."""
    return next((name for name, each in FORMATS.items() if each.sniff(text)), None)
