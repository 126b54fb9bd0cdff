"""Topology files: which format a file is in, and every mistake of it named at once."""

from topologies.formats import atomic
from topologies.formats.registry import FORMATS, Format
from topologies.model.arguments import of
from topologies.model.messages import prefix
from topologies.model.topology import Topology, TopologyError

SIZE_LIMIT = 50 * 10**6  # bytes


def load(path: atomic.Name) -> Topology:
    """Read a topology file; the end of its name says in which format, else its text does.

    Args:
        path: its ending says in which format it is, else its text does.

    Raises:
        TopologyError: with every mistake of the file, one line each, with its place.
    """
    try:
        text = atomic.read(path, SIZE_LIMIT).decode("utf-8-sig")
        return (_format_by_name(str(path)) or _sniff_format(text)).read(text)
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


def save(made: Topology, path: atomic.Name) -> None:
    """Write a topology file in the format that its name ends as, else in JSON; whole or not at all.

    Args:
        made: the machine.
        path: its ending says the format; JSON, if it says none.

    Raises:
        TopologyError: a file cannot say what the topology is, or cannot be written.
    """
    of("topology", made, Topology)
    try:
        atomic.write(path, (_format_by_name(str(path)) or FORMATS["json"]).write(made))
    except OSError as error:
        raise TopologyError(prefix(path, [(error.strerror or str(error)).lower()])) from None


def is_topology_file(path: str) -> bool:
    """Tell whether a text ends as the name of a topology file does."""
    return _format_by_name(path) is not None


def _format_by_name(path: str) -> Format | None:
    """Find the format that the end of a name tells."""
    return next((each for each in FORMATS.values() if path.lower().endswith(each.endings)), None)


def _sniff_format(text: str) -> Format:
    """Find the format of a text; what nothing knows is told its mistakes as TOML."""
    return next((each for each in FORMATS.values() if each.sniff(text)), FORMATS["toml"])
