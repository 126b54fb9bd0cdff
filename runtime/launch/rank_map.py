"""Which rank of the topology each MPI process plays."""

import json
import re
from collections.abc import Mapping, Sequence

from runtime.launch.mpi import MapError
from topologies.formats import atomic, contents
from topologies.model.messages import nearest, one_line, show_value
from topologies.model.units import Rank

MAYBE = (contents.NUMBERS, contents.LIST, contents.TEXT)
MAP_LIMIT = 10_000_000  # bytes of a map file


def read(path: atomic.Name, ranks: Sequence[Rank], names: Sequence[str] = ()) -> tuple[int, ...]:
    """Read which of the ranks each process plays: a JSON list, or one rank on each line.

    A rank is a number or, where the names of all are given, a name.

    Raises:
        MapError: one line, with the name of the file.
    """
    try:
        data = atomic.read(path, MAP_LIMIT)
        contents.expect(data, MAYBE, "a rank for each process: a line each, or a JSON list")
        text = data.decode("utf-8-sig")
        words = json.loads(text) if text.lstrip().startswith("[") else _words(text)
        number = {name: rank for rank, name in enumerate(names)}
        played = tuple(_rank(word, number) for word in words)
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
    except UnicodeDecodeError as error:
        fault = f"byte {error.start}: not UTF-8 text"
    except json.JSONDecodeError as error:
        fault = f"line {error.lineno}, column {error.colno}: {error.msg.lower()}"
    except RecursionError:
        fault = "nested too deeply"
    except ValueError as error:
        fault = str(error)
    else:
        check(played, ranks, one_line(str(path)))
        return played
    raise MapError(one_line(f"{path}: {fault}"))


def check(played: Sequence[Rank], ranks: Sequence[Rank], place: str = "map") -> None:
    """Refuse a map that does not name each of the ranks once.

    Raises:
        MapError: with what it names.
    """
    if sorted(played) != sorted(ranks):
        found = (
            _list_ranks(played)
            if len(played) == len(ranks)
            else f"{len(played):,} rank{'s' * (len(played) != 1)}"
        )
        wanted = f"each of the {len(ranks)} ranks {_list_ranks(ranks)} once"
        raise MapError(f"{place}: found {found}, expected {wanted}")


def _list_ranks(ranks: Sequence[Rank]) -> str:
    return ",".join(map(show_value, ranks[:20])) + (",..." if len(ranks) > 20 else "")


def _words(text: str) -> list[str]:
    return [word for word in re.split("[ \t\r\n]+", text) if word]


def _rank(word: object, number: Mapping[str, int]) -> int:
    """Read a rank; number: of each name; ValueError if it is none, with the nearest name."""
    if isinstance(word, int) and not isinstance(word, bool):
        return word
    if isinstance(word, str) and re.fullmatch("[0-9]{1,9}", word):
        return int(word)
    if isinstance(word, str) and word in number:
        return number[word]
    near = nearest(word, number) if isinstance(word, str) else ""
    raise ValueError(f"{show_value(word)} is no rank{f'; nearest: {near}' if near else ''}")
