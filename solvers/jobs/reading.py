"""From a name or a file to a job: presets, TOML, and what others write."""

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from solvers.jobs.demand import demand
from solvers.jobs.errors import JobError
from solvers.jobs.faults import list_faults
from solvers.jobs.job import Job, schema
from solvers.jobs.readers import aicb, flows, megatron
from topologies.formats import atomic, contents
from topologies.formats.toml_text import DOTTED
from topologies.model import units
from topologies.model.messages import one_line, prefix, short, unknown

PRESETS = Path(__file__).with_name("presets")
FILE_LIMIT = 50 * 10**6  # bytes
READERS = (aicb, flows, megatron)


def preset_names() -> list[str]:
    """Name the jobs that come with commplan."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load(name: str, changes: Sequence[str] = (), *, whole: bool = True) -> Job:
    """Read a job: a preset by its name, or a file of ours, of Megatron-LM, AICB, or a list.

    Args:
        name: of a preset or a file.
        changes: fields that take the place of those read, as `layout.tp=4`.
        whole: whether model, layout and batch must fit together already.

    Raises:
        JobError: a line for each mistake, with its place.
    """
    document = _document(name)
    for change in changes:
        _change(document, change)
    try:
        job = msgspec.convert(document, Job)
        return check(job) if whole else job
    except msgspec.ValidationError as error:
        raise JobError(one_line(f"{name}: {_placed(str(error))}")) from None
    except JobError as error:
        raise JobError("\n".join(prefix(name, str(error).splitlines()))) from None


def check(job: Job) -> Job:
    """Give a job back that fits together.

    Raises:
        JobError: a line for each mistake.
    """
    faults = [*_sizes(job), *list_faults(job)] or _too_large(job)
    if faults:
        raise JobError("\n".join(faults))
    return job


def _too_large(job: Job) -> list[str]:
    """List the collectives of more bytes than a schedule can have."""
    return [
        f"{flow.name}: {flow.bytes:,} bytes, expected at most {units.SIZE_LIMIT:,}"
        for flow in demand(job)
        if int(flow.bytes) > units.SIZE_LIMIT
    ]


def _sizes(job: Job) -> list[str]:
    """List the flows whose bytes are no size."""
    found = []
    for place, flow in enumerate(job.flows):
        if isinstance(flow.bytes, str):
            try:
                units.size(flow.bytes)
            except ValueError as error:
                found.append(f"flows[{place}].bytes: {error}")
    return found


def _document(name: str) -> dict[str, Any]:
    """Read what a name stands for, as a table."""
    if name in preset_names():
        return tomllib.loads((PRESETS / f"{name}.toml").read_text(encoding="utf-8"))
    if os.path.sep not in name and "." not in name and not os.path.exists(name):
        raise JobError(one_line(unknown("job", name, preset_names())))
    try:
        text = atomic.read(name, FILE_LIMIT).decode("utf-8-sig")
        if not text.strip():
            raise ValueError(f"found {contents.EMPTY}, expected a job")
        reader = next((each for each in READERS if each.looks_like(text)), None)
        title = short(Path(name).stem)
        return _toml(text) if reader is None else reader.read(text, title)
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
    except UnicodeDecodeError as error:
        fault = f"byte {error.start}: not UTF-8 text"
    except (ValueError, RecursionError) as error:
        fault = str(error) if isinstance(error, ValueError) else "nested too deeply"
    raise JobError(one_line(f"{name}: {fault}"))


def _toml(text: str) -> dict[str, Any]:
    if dotted := DOTTED.search(text):
        line = text.count("\n", 0, dotted.start()) + 1
        raise ValueError(f"line {line}: a key of more than 50 parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _refuse_others(text)
        what, _, place = str(error).rpartition(" (at ")
        raise ValueError(f"{place.rstrip(')')}: {what[:1].lower()}{what[1:]}") from None


def _refuse_others(text: str) -> None:
    """Refuse what was never meant to be TOML by what it is: another file, or rows of a list."""
    contents.expect(text.encode(), (contents.TOML, contents.TEXT), "a job")
    rows = ((n, row) for n, row in enumerate(text.splitlines(), 1) if row.strip())
    number, line = next(((n, row) for n, row in rows if not row.startswith("#")), (0, ""))
    if re.match(r"[\w-]+ *, *[\w-]+ *(,|$)", line):
        fields = ",".join(flows.FIELDS)
        raise ValueError(f"line {number}: found {short(line)!r}, expected {fields} above the rows")


def _change(document: dict[str, Any], change: str) -> None:
    """Set a field of a table to a value as TOML writes it; words need no quotes."""
    found = re.fullmatch(r"([a-z_]+)\.([A-Za-z_]+)(?:\.([a-z]+))?=(.{1,200})", change)
    if not found:
        raise JobError(
            one_line(f"--set: found {change!r}, expected TABLE.FIELD=VALUE, as layout.tp=4")
        )
    *path, word = (part for part in found.groups() if part is not None)
    try:
        value = tomllib.loads(f"v = {word}")["v"]
    except tomllib.TOMLDecodeError:
        value = word
    table = document
    for key in path[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise JobError(one_line(f"--set: {change!r}: {key} is no table"))
    table[path[-1]] = value


def _placed(text: str) -> str:
    """Put the place of a mistake before it: `layout.tp: expected int, got str`."""
    found = re.fullmatch(r"(.*) - at (`key` in )?`\$\.(.*)`", text)
    what, key, place = (found[1], found[2], found[3]) if found else (text, None, "")
    what = what.replace("Object", "table").replace("`", "'")
    what = what[:1].lower() + what[1:]
    choices = _choices("group" if key else place.rpartition(".")[2])
    if what.startswith("invalid enum value") and choices:
        what = f"{what}, expected one of {', '.join(choices)}"
    return f"{place}: {what}" if place else what


def _choices(field: str) -> list[str]:
    """List what a field takes that stands for one of several words or numbers."""
    definitions: Any = schema()["$defs"]
    for each in definitions.values():
        choices = each["properties"].get(field, {}).get("enum", ())
        if choices:
            return [str(choice) for choice in choices if choice != ""]
    return []
