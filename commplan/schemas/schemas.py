"""The JSON Schema of each kind of file that commplan writes.

Schemas are made of the classes with which files are read or written, so that they cannot differ
from them. A schema says what a file looks like; whether its parts fit each other, the reader says.
"""

from typing import Any

import msgspec

from commplan.changes import contingency_folder
from commplan.fitting import fitted
from commplan.jobs import folder
from commplan.schemas import topology as machine
from runtime.calibrate import launches
from solvers.jobs import job
from solvers.schedules import columns, files
from topologies.formats.reader import FORMAT
from topologies.model.errors import ArgumentError
from topologies.model.messages import unknown

DIALECT = "http://json-schema.org/draft-07/schema#"  # which editors of TOML and JSON know
CERTIFICATE = "commplan/certificate"  # has no file of its own: it stands in schedules


class Part(msgspec.Struct, forbid_unknown_fields=True):
    """A schedule of a set, and the least size in bytes that it is for."""

    start: int
    schedule: columns.Columns


class Set(msgspec.Struct, forbid_unknown_fields=True):
    """Schedules of one collective on one machine, for sizes that ascend."""

    format: str
    parts: list[Part]


# Each kind of file: the value of its field `format`, and what reads or writes it.
TYPES: dict[str, tuple[str, Any]] = {
    "schedule": (columns.FORMAT, columns.Columns),
    "set": (files.SET_FORMAT, Set),
    "certificate": (CERTIFICATE, columns.BoundColumns),
    "job": (job.FORMAT, job.Job),
    "job-plan": (folder.FORMAT, folder.Table),
    "contingency": (contingency_folder.FORMAT, contingency_folder.Table),
    "measurements": (launches.FORMAT, launches.File),
    "fit": (fitted.FORMAT, fitted.File),
}
KINDS = ("topology", *TYPES)


def schema(kind: str) -> dict[str, Any]:
    """Give the JSON Schema of a kind of file.

    Args:
        kind: one of `KINDS`.

    Raises:
        ArgumentError: it is none of them.
    """
    if kind not in KINDS:
        raise ArgumentError(unknown("kind of file", kind, KINDS))
    if kind == "topology":
        return machine.schema()
    name, shape = TYPES[kind]
    (made,), parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    top = parts[made["$ref"].rpartition("/")[2]]
    if "format" in top["properties"]:
        top["properties"]["format"] = {"const": name}
    for each in parts.values():  # the schedules of a set
        if each["title"] == "Columns" and "format" in each["properties"]:
            each["properties"]["format"] = {"const": columns.FORMAT}
    found: dict[str, Any] = _to_dialect({**made, "$defs": parts})
    return {"$schema": DIALECT, "title": name, **found}


def _to_dialect(value: Any) -> Any:  # noqa: ANN401
    """Write lists of fixed length as the dialect does: msgspec writes those of a later one."""
    if isinstance(value, list):
        return [_to_dialect(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {key: _to_dialect(each) for key, each in value.items()}
    if "prefixItems" in made:
        made["items"], made["additionalItems"] = made.pop("prefixItems"), False
    return made


def kind_of(document: object) -> str | None:
    """Tell which kind of file a document is, by its field `format`; None where it is none.

    Args:
        document: what a JSON file holds.
    """
    found = document.get("format") if isinstance(document, dict) else None
    names: dict[str, str] = {FORMAT: "topology"}
    names |= {name: kind for kind, (name, _) in TYPES.items()}
    return names.get(found) if isinstance(found, str) else None
