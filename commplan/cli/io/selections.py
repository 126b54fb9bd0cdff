"""Rules as lines of a table, and as fields."""

from collections.abc import Iterator

from commplan.selection.select import Range, Selection
from topologies.model.units import bytes_of


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
