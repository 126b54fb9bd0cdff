"""YAML of others: plain values only, no aliases, nothing endless."""

from typing import Any

from topologies.model.messages import one_line, show_value

DEPTH_LIMIT, EVENT_LIMIT, SIZE_LIMIT = 40, 500_000, 5 * 10**6

Tree = dict[str, Any]


def parse(text: str) -> Any:  # noqa: ANN401
    """Read YAML; every plain value is a text, so that none becomes a date or `no` a falsehood.

    Raises:
        ValueError: it is none, or has aliases or far too much of anything; with the line.
    Complexity: linear in the text.
    """
    import yaml  # slow to load

    if len(text) > SIZE_LIMIT:
        raise ValueError(f"larger than {SIZE_LIMIT // 10**6} MB, the most that is read of YAML")
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        _check(text, loader)
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = getattr(error, "problem", None) or getattr(error, "reason", "no YAML")
        raise ValueError(one_line(f"{place}{' '.join(str(what).split())}")) from None


def _check(text: str, loader: type) -> None:
    """Refuse what would grow: aliases, and nesting that Python's stack does not hold."""
    import yaml

    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=loader)):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"line {line}: an alias, expected values written out")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_LIMIT or count > EVENT_LIMIT:
            raise ValueError(f"line {line}: nested too deeply, or too much to be read")


def table(value: object, place: str) -> Tree:
    """Take a table.

    Raises:
        ValueError: it is none, or a key of it is no text.
    """
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{place}: found {show_value(value)}, expected a table")
    return value


def items(value: object, place: str) -> list[Any]:
    """Take a list; nothing stands for an empty one.

    Raises:
        ValueError: it is none.
    """
    if value is None or value == "":
        return []
    if not isinstance(value, list):
        raise ValueError(f"{place}: found {show_value(value)}, expected a list")
    return value


def word(value: object, place: str) -> str:
    """Take a text.

    Raises:
        ValueError: it is none, or empty.
    """
    if not isinstance(value, str) or not value:
        raise ValueError(f"{place}: found {show_value(value)}, expected a text")
    return value
