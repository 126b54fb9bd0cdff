"""A key that a JSON text gives twice in one table; parsers take the last of them, silently."""

import json
import re

from topologies.model.messages import show_value

_STRING = r'"(?:[^"\\]++|\\.)*+"'
# Everything up to the next key or brace is skipped inside the regular expression: lists are long.
_NEXT = re.compile(rf'(?:[^"{{}}]++|{_STRING}(?!\s*+:))*+(?:({_STRING})\s*+:|([{{}}]))', re.DOTALL)


def refuse_duplicates(text: str) -> None:
    """Refuse a JSON text with a table that gives one key twice, for which of them is meant.

    The text is one that a parser has taken, up to there at least. Linear in its length.

    Raises:
        ValueError: naming the key, and where it is given again.
    """
    tables: list[set[str]] = []
    end = 0
    while found := _NEXT.match(text, end):
        end = found.end()
        if found[2] == "{":
            tables.append(set())
        elif found[2]:
            tables.pop()
        elif (key := _key(found[1])) not in tables[-1]:
            tables[-1].add(key)
        else:
            place = _place(text, found.start(1))
            raise ValueError(f"{place}: the key {show_value(key)} is given twice in one table")


def _key(quoted: str) -> str:
    return str(json.loads(quoted)) if "\\" in quoted else quoted[1:-1]


def _place(text: str, start: int) -> str:
    line = text.count("\n", 0, start) + 1
    return f"line {line}, column {start - text.rfind(chr(10), 0, start)}"
