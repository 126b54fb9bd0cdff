"""The words of a machine, its names, kinds and sources: which can be told apart and printed."""

from collections.abc import Iterable, Sequence

from topologies.model.messages import show_value

TEXT_LIMIT = 1000  # characters of one


def name_faults(ranks: Sequence[str], names: Sequence[str]) -> list[str]:
    """Say what is wrong with the names of the vertices, of which those of the ranks come first."""
    faults = [] if ranks else ["ranks: none; a machine has at least one"]
    seen: set[str] = set()
    for i, vertex in enumerate(names):
        place = f"ranks[{i}]" if i < len(ranks) else f"switches[{i - len(ranks)}]"
        if vertex in seen:
            faults.append(f"{place}: the name {show_value(vertex)} is used twice")
        if not vertex or not vertex.isprintable() or set(vertex) & set(":,"):
            faults.append(
                f"{place}: {show_value(vertex)} is no name (printable, without ':' and ',')"
            )
        faults += _length_faults(place, vertex)
        seen.add(vertex)
    return faults


def text_faults(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Say which texts, each after its place, are unfit to be printed or too long to be kept."""
    faults = []
    for place, text in texts:
        if not text.isprintable():
            faults.append(f"{place}: found {show_value(text)}, expected printable text")
        faults += _length_faults(place, text)
    return faults


def _length_faults(place: str, text: str) -> list[str]:
    if len(text) <= TEXT_LIMIT:
        return []
    return [f"{place}: found {len(text):,} characters, expected at most {TEXT_LIMIT:,}"]
