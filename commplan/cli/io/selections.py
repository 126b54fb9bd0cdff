"""Rules as lines of a table, and as fields.

A row has the seconds at the largest size of its range that was played: as predicted, and as
predicted for what the library would take by itself.
"""

from collections.abc import Iterator

from commplan.selection.select import Range, Selection
from commplan.selection.tuned.tuners import Tuned
from topologies.model.units import bytes_of

ENDLESS = 2**50  # bytes


def rule_fields(rule: Range) -> dict[str, object]:
    """Give a range of sizes and what is taken there: bytes, seconds."""
    first = rule.choices[0]
    chosen = first.chosen
    return {
        "collective": first.collective,
        "processes": first.processes,
        "least_size": rule.least,
        "most_size": rule.most,
        "algorithm": chosen and chosen.name,
        "parameters": dict(chosen.parameters) if chosen else {},
        "default": first.default and first.default.title,
        "least_gain": min(choice.gain for choice in rule.choices),
        "most_gain": max(choice.gain for choice in rule.choices),
    }


def rule_rows(found: Selection) -> list[dict[str, object]]:
    """List what the file names, leaving out where the library chooses: bytes, seconds."""
    return [
        {
            "collective": rule.choices[0].collective,
            "processes": rule.choices[0].processes,
            "from_bytes": rule.least,
            "to_bytes": rule.most,
            "algorithm": rule.choices[0].chosen.title,
            "predicted_seconds": rule.choices[-1].best_seconds,
            "default_seconds": rule.choices[-1].default_seconds,
        }
        for rule in found.rules
        if rule.choices[0].chosen is not None
    ]


def rule_lines(machine: str, target: str, found: Selection) -> Iterator[str]:
    """Write what is taken, size by size; gains are those that are predicted."""
    yield f"{target} on {machine}: up to each size, and how many times as fast as its own choice"
    before = None
    for rule in found.rules:
        first = rule.choices[0]
        heading = f"{first.collective}, {first.processes} processes"
        if heading != before:
            yield f"  {heading}"
            before = heading
        most = "above" if rule.most is None else bytes_of(rule.most)
        if first.chosen is None:
            yield f"    {most:>26}  {'':>13}  as the library chooses"
            continue
        gains = sorted({f"{c.gain:.2f}" for c in rule.choices}, key=float)
        told = gains[0] if len(gains) == 1 else f"{gains[0]} to {gains[-1]}"
        yield f"    {most:>26}  {told:>13}  {first.chosen.title}"
    yield from (f"  not tried: {each}" for each in found.not_tried)


def tuned_fields(machine: str, target: str, found: Tuned) -> dict[str, object]:
    """Give the rules of a file for GPUs or NPUs: bytes, and gains that are predicted."""
    rules = [
        {
            "collective": rule.collective,
            "ranks": rule.ranks,
            "least_size": rule.least,
            "most_size": rule.most,
            "algorithm": rule.algorithm,
            "instead_of": rule.instead,
            "least_gain": rule.gain[0],
            "most_gain": rule.gain[1],
        }
        for rule in found.rules
    ]
    rows = [
        {
            "collective": rule.collective,
            "ranks": rule.ranks,
            "from_bytes": rule.least,
            "to_bytes": rule.most,
            "algorithm": rule.algorithm,
            "predicted_seconds": rule.seconds[0],
            "default_seconds": rule.seconds[1],
        }
        for rule in found.rules
    ]
    fields = {"machine": machine, "target": target, "rules": rules, "rows": rows}
    return {**fields, "notes": list(found.notes)}


def tuned_lines(machine: str, target: str, found: Tuned) -> Iterator[str]:
    """Write what such a file says, and what it rests on."""
    yield f"{target} on {machine}"
    for rule in found.rules:
        most = "on" if rule.most >= ENDLESS else f"to {bytes_of(rule.most)}"
        yield f"  {rule.collective}, {rule.ranks} ranks, from {bytes_of(rule.least)} {most}"
        low, high = rule.gain
        gain = f"{low:.2f} to {high:.2f} times as fast"
        yield f"    {rule.algorithm} instead of {rule.instead}: {gain}"
    if not found.rules:
        yield "  no rule: nothing gains more than predictions may be off"
    yield from (f"  {note}" for note in found.notes)
