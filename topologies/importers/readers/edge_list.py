"""Edge lists in CSV: `src,dst,bandwidth_GBps,latency_us`, a directed link on each line."""

import csv
from collections.abc import Iterator

from topologies.importers.draft import Draft
from topologies.importers.texts import attributes
from topologies.model.messages import show_value

ENDS = {"src": "src", "source": "src", "from": "src", "dst": "dst", "target": "dst", "to": "dst"}
KNOWN = (
    *(attributes.RATES.keys() | attributes.LATENCIES.keys()),
    *(*attributes.BARE_RATES, *attributes.BARE_LATENCIES),
    *("layer", "plane", "duplex", "src_kind", "dst_kind"),
)
LIMIT = 1_000_000


def sniff(text: str) -> bool:
    """Tell whether the first line that says something names two ends and a comma."""
    for line in text[:10_000].splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            words = {ENDS.get(word.strip().lower()) for word in line.split(",")}
            return {"src", "dst"} <= words
    return False


def read(text: str, name: str) -> Draft:
    """Read the links; `duplex` true, or a second line that leads back, makes one of both ways.

    Raises:
        ValueError: a line is wrong, with its number.
    """
    rows = _rows(text)
    number, heading = next(rows, (1, []))
    columns = _columns(heading, number)
    kinds: dict[str, str] = {}
    cables = []
    for number, values in rows:
        place = f"line {number}"
        if len(values) != len(columns):
            raise ValueError(f"{place}: {len(values)} fields, expected {len(columns)}")
        row = dict(zip(columns, values, strict=True))
        for end in ("src", "dst"):
            if not row[end]:
                raise ValueError(f"{place}: {end} is empty, expected a name")
            kinds[row[end]] = row.get(f"{end}_kind", "") or kinds.get(row[end], "")
        duplex = _flag(row.get("duplex", ""), place)
        cables.append(attributes.cable(row["src"], row["dst"], row, place, duplex))
        if len(cables) > LIMIT:
            raise ValueError(f"{place}: more than {LIMIT:,} links")
    if not cables:
        raise ValueError("no link below the heading")
    return attributes.graph(name, kinds, cables)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """List the lines with something on them, and their numbers."""
    lines = (
        "" if line.lstrip().startswith("#") else line
        for line in text.replace("\0", "?").split("\n")
    )
    reader = csv.reader((line.rstrip("\r") for line in lines), strict=True)
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield reader.line_num, [value.strip() for value in values]
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None


def _columns(heading: list[str], number: int) -> list[str]:
    """Read the heading.

    Raises:
        ValueError: an end is missing, or a column is unknown or there twice.
    """
    columns = [ENDS.get(word.lower(), word) for word in heading]
    for word in columns:
        if word not in (*KNOWN, "src", "dst") or columns.count(word) > 1:
            expected = "expected src,dst,bandwidth_GBps,latency_us[,layer,plane,duplex], each once"
            raise ValueError(f"line {number}: found {show_value(word)}, {expected}")
    if not {"src", "dst"} <= set(columns):
        raise ValueError(f"line {number}: expected a heading with src and dst")
    return columns


def _flag(text: str, place: str) -> bool:
    known = {
        "": False,
        "0": False,
        "false": False,
        "no": False,
        "1": True,
        "true": True,
        "yes": True,
    }
    if text.lower() not in known:
        raise ValueError(f"{place}: duplex: found {show_value(text)}, expected true or false")
    return known[text.lower()]
