"""Files at the edge: which format each is in, and one line for what is wrong with it."""

from pathlib import Path

from topologies.formats import atomic, contents
from topologies.importers.draft import Draft
from topologies.importers.registry import AUTO, IMPORTERS
from topologies.model.messages import prefix
from topologies.model.topology import TopologyError

SIZE_LIMIT = 20 * 10**6  # bytes
BINARY = (contents.BINARY, contents.EMPTY, contents.ARRAY)


def load(path: str, form: str = AUTO) -> tuple[str, Draft]:
    """Read what a file says of a machine.

    Args:
        path: of the file.
        form: the name of a format; AUTO looks at the text.

    Returns:
        the format that it is in, and what it says.

    Raises:
        TopologyError: it cannot be read, or is not of the format; one line with the place.
    """
    try:
        data = atomic.read(path, SIZE_LIMIT)
        return _read(data, form, Path(path).stem or "machine")
    except OSError as error:
        faults = [(error.strerror or str(error)).lower()]
    except TopologyError as error:
        faults = list(error.faults[:1])
    except UnicodeDecodeError as error:
        faults = [f"byte {error.start}: not UTF-8 text"]
    except RecursionError:
        faults = ["nested too deeply"]
    except ValueError as error:
        faults = [str(error)]
    raise TopologyError(prefix(path, faults))


def _read(data: bytes, form: str, name: str) -> tuple[str, Draft]:
    found = contents.kind(data)
    if found in BINARY or found.startswith(("data packed", "a zip")):
        raise ValueError(f"found {found}, expected {_wanted(form)}")
    text = data.decode("utf-8-sig")
    if form == AUTO:
        form = _sniff(text) or ""
        if not form:
            raise ValueError(f"found {found}, expected one of {', '.join(IMPORTERS.names())}")
    importer = IMPORTERS[form]
    if not importer.sniff(text):
        other = _sniff(text)
        is_other = f"this is {IMPORTERS[other].what}" if other else f"found {found}"
        raise ValueError(f"{is_other}, expected {importer.what}")
    return form, importer.read(text, name)


def _wanted(form: str) -> str:
    return "text" if form == AUTO else IMPORTERS[form].what


def _sniff(text: str) -> str | None:
    """Find the format of a text."""
    return next((name for name, each in IMPORTERS.items() if each.sniff(text)), None)
