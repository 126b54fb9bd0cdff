"""Rows as records: CSV, JSON of our own, of nccl-tests and rccl-tests, of NCCL's Inspector."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from commplan.measurements.rows import Context, Measured, figure, measured, name_of
from topologies.model import units
from topologies.model.messages import short

# Names of columns, and what a figure there is to be multiplied by.
COLLECTIVE = ("collective", "collective_type", "coll", "op_name")
RANKS = ("ranks", "num_gpus", "nranks", "n_ranks", "processes")
SIZE = {"size": 1.0, "bytes": 1.0, "size_bytes": 1.0, "size_B": 1.0}
SECONDS = {"seconds": 1.0, "milliseconds": 1e-3, "ms": 1e-3, "us": 1e-6, "time_us": 1e-6}
SECONDS |= {"latency_us": 1e-6, "microseconds": 1e-6}
_ELEMENTS = re.compile(r"elements_of_([0-9]{1,3})_bytes?")
# What JSON of nccl-tests has (`-J`), and lines of JSON of rccl-tests (`-Z json`).
PLACES = ("out_of_place", "in_place")
OF_TESTS = (PLACES[0], "algBw")
_PERF = re.compile(r"(\w{4,40})_perf\b")
# What `commplan run` prints.
_RUN = re.compile(r"(\w+) (?:with root .*? )?on .*, (\d{1,7}) ranks, (.+)")
_RUN_TIME = re.compile(r"^[ ]{1,8}measured[ ]{1,8}([0-9.]{1,20}) (ns|us|ms|s)\b", re.MULTILINE)
_SCALE = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def is_csv(text: str) -> bool:
    """Tell whether the first line names columns, a size and a time among them."""
    names = text.partition("\n")[0].strip().split(",")
    return _column(names, SIZE) is not None and _column(names, SECONDS) is not None


def is_json(text: str) -> bool:
    """Tell whether a text begins as JSON does."""
    return re.match(r"\s*(\{|\[\s*[{\[\]])", text) is not None


def is_ours(text: str) -> bool:
    """Tell whether JSON has a word that records of measurements have."""
    return any(f'"{word}"' in text for word in ("coll_perf", "seconds", "rows", *OF_TESTS))


def is_run(text: str) -> bool:
    """Tell whether a text is what `commplan run` prints."""
    return _RUN.match(text) is not None and _RUN_TIME.search(text) is not None


def read_csv(text: str, given: Context) -> Iterator[Measured]:
    """Read rows below the names of columns: collective, ranks, size, seconds or the like.

    Raises:
        ValueError: with the line; a value is missing or none.
    """
    rows = csv.reader(text.splitlines())
    names = [name.strip() for name in next(rows)]
    places = [_column(names, known) for known in (COLLECTIVE, RANKS, SIZE, SECONDS)]
    for row in rows:
        if not row:
            continue
        line = rows.line_num
        if len(row) != len(names):
            raise ValueError(f"line {line}: {len(row)} values, expected {len(names)}: cut off?")
        what, ranks, size, time = (None if p is None else row[p[0]] for p in places)
        if time == "":
            continue
        factors = [1.0 if place is None else place[1] for place in places]
        yield measured(
            line,
            _named(line, what, given),
            _ranks(line, ranks, given),
            figure(line, size, "size") * factors[2],
            figure(line, time, "time") * factors[3],
        )


def _column(names: list[str], known: Any) -> tuple[int, float] | None:  # noqa: ANN401
    """Find the column of a figure, and its factor."""
    for place, name in enumerate(names):
        if name in known:
            return place, known[name] if isinstance(known, dict) else 1.0
        elements = _ELEMENTS.fullmatch(name)
        if known is SIZE and elements:
            return place, float(elements[1])
    return None


def _named(line: int, word: object, given: Context) -> str | None:
    """Find the collective.

    Raises:
        ValueError: it is named, and none that is known.
    """
    if word is None:
        return given.collective or given.guess
    name = name_of(word) if isinstance(word, str) else None
    if name is None:
        raise ValueError(f"line {line}: found {short(str(word))}, expected a collective")
    return name


def _ranks(line: int, word: object, given: Context) -> int | None:
    if word is None:
        return given.ranks or given.everyone
    return int(figure(line, word, "number of ranks"))


def read_json(text: str, given: Context) -> Iterator[Measured]:
    """Read one value, or one for each line.

    Raises:
        ValueError: with the line; it is cut off, or of a form that is not known.
    """
    try:
        values: list[tuple[int, object]] = [(1, json.loads(text))]
    except json.JSONDecodeError:
        lines = enumerate(text.splitlines(), start=1)
        values = [(number, _parse(number, line)) for number, line in lines if line.strip()]
    except RecursionError:
        raise ValueError("nested too deeply") from None
    given = replace(given, guess=_find_name(text) or given.guess)
    for line, value in values:
        for each in value if isinstance(value, list) else [value]:
            yield from _records(line, each, given)


def _find_name(text: str) -> str | None:
    """Find the collective of JSON of nccl-tests, which is in the command that is written there."""
    names = (name_of(found[1]) for found in _PERF.finditer(text))
    return next((name for name in names if name), None)


def _parse(number: int, line: str) -> object:
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        what = error.msg.lower() if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise ValueError(f"line {number}: damaged JSON, cut off? {what}") from None


def _records(line: int, value: object, given: Context) -> Iterator[Measured]:
    """Read the rows of an object."""
    if not isinstance(value, dict):
        raise ValueError(f"line {line}: found {short(str(value))}, expected an object")
    if "coll_perf" in value or "p2p_perf" in value:
        yield from _inspected(line, value, given)
    elif "algBw" in value:
        yield from _of_rccl(line, value, given)
    elif isinstance(value.get("results"), list):
        for row in value["results"]:
            yield from _of_nccl(line, value, _table(line, row), given)
    elif isinstance(value.get("rows"), list):
        for row in value["rows"]:
            yield from _records(
                line, {"collective": value.get("collective"), **_table(line, row)}, given
            )
    elif "size" in value and "seconds" in value:
        ranks = value.get("processes", value.get("ranks"))
        if value["seconds"] is not None:
            yield measured(
                line,
                _named(line, value.get("collective"), given),
                _ranks(line, ranks, given),
                figure(line, value["size"], "size"),
                figure(line, value["seconds"], "seconds"),
            )
    else:
        raise ValueError(f"line {line}: an object without coll_perf, rows, or size and seconds")


def _table(line: int, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"line {line}: found {short(str(value))}, expected an object")
    return value


def _inspected(line: int, value: Mapping[str, Any], given: Context) -> Iterator[Measured]:
    """Read a record of the Inspector, whose bytes are those of a block where blocks differ.

    Messages between two ranks, and collectives that are none of ours, are passed over.
    """
    head, perf = (_table(line, value.get(key, {})) for key in ("header", "coll_perf"))
    coll = perf.get("coll")
    if not perf or (isinstance(coll, str) and name_of(coll) is None):
        return
    name = _named(line, coll, given)
    ranks = _ranks(line, head.get("n_ranks"), given)
    size = figure(line, perf.get("coll_msg_size_bytes"), "coll_msg_size_bytes")
    micro = figure(line, perf.get("coll_exec_time_us"), "coll_exec_time_us")
    if name in ("all_gather", "reduce_scatter"):
        size *= ranks or 1
    yield measured(line, name, ranks, size, micro * 1e-6)


def _of_nccl(
    line: int, whole: Mapping[str, Any], row: Mapping[str, Any], given: Context
) -> Iterator[Measured]:
    """Read a result of nccl-tests, out of place; in place where there is no other."""
    devices = _table(line, whole.get("config", {})).get("devices")
    ranks = len(devices) if isinstance(devices, list) and devices else None
    for place in PLACES:
        micro = _table(line, row.get(place) or {}).get("time")
        if micro is not None:
            size, took = figure(line, row.get("size"), "size"), figure(line, micro, "time in us")
            name, count = given.collective or given.guess, _ranks(line, ranks, given)
            yield measured(line, name, count, size, took * 1e-6, _count_wrong(line, row))
            return


def _count_wrong(line: int, row: Mapping[str, Any]) -> float:
    """Add up the elements that were wrong in either place, where results were checked."""
    told = [_table(line, row.get(place) or {}).get("nwrong") for place in PLACES]
    return sum(figure(line, each, "nwrong") for each in told if each not in (None, "N/A"))


def _of_rccl(line: int, value: Mapping[str, Any], given: Context) -> Iterator[Measured]:
    """Read a record of rccl-tests; those in place are passed over, unless results were wrong."""
    told = value.get("#wrong", 0)
    wrong = 0.0 if told == "N/A" else figure(line, told, "#wrong")
    if figure(line, value.get("inPlace", 0), "inPlace") and not wrong:
        return
    size, micro = figure(line, value.get("size"), "size"), figure(line, value.get("time"), "time")
    name = _named(line, value.get("name"), given)
    yield measured(line, name, _ranks(line, value.get("gpus"), given), size, micro * 1e-6, wrong)


def read_run(text: str, given: Context) -> Iterator[Measured]:
    """Read what `commplan run` printed, once or several times.

    Raises:
        ValueError: with the line of a size that is none.
    """
    head: re.Match[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        head = _RUN.match(line) or head
        time = _RUN_TIME.match(line)
        if head and time:
            exact = re.search(r"\((\d+) bytes\)", head[3])
            size = (
                int(exact[1])
                if exact
                else units.size(head[3].replace(" ", "").removesuffix("bytes"))
            )
            seconds = figure(number, time[1], "time") * _SCALE[time[2]]
            yield measured(number, _named(number, head[1], given), int(head[2]), size, seconds)
