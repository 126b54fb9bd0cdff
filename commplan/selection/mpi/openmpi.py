"""Open MPI's rules files: the classic text of 4.1 and 5.0, and the JSON of 6.0.

A file lists collectives, for each numbers of processes, for each sizes; a rule holds from its size
on. Algorithm 0 is the library's own choice. In the text the entry of the largest number of
processes that is not more counts, and the first one for fewer: so the numbers below and above get
entries of their own that leave everything as it is.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commplan.selection.algorithm import Algorithm, Catalogue, Rule, Rules
from commplan.selection.mpi.openmpi_algorithms import (
    ALGORITHMS,
    ALWAYS,
    BLOCKWISE,
    NAMES,
    NUMBERS,
    SAME,
    fixed,
)
from runtime.fabric.hosts import AT_ONCE
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.units import Bytes

USE = "OMPI_MCA_coll_tuned_use_dynamic_rules"
FILE = "OMPI_MCA_coll_tuned_dynamic_rules_filename"
HEADER = 64  # bytes, or fewer, that a message carries besides
COLLECTIVES = 22  # that there are numbers for
LARGEST = 2**31 - 1
FIELDS = ("msg_size_min", "msg_size_max", "alg", "faninout", "seg_size", "reqs")
COMMUNICATOR = ("comm_size_min", "comm_size_max", "comm_rank_distribution", "rules")


class RulesError(CommplanError, ValueError):
    """What Open MPI would take for no rules file."""

    exit_code = WRONG_INPUT


@dataclass(frozen=True)
class Entry:
    """A rule from a size on: the algorithm's number, fan-out, and bytes of a segment."""

    least: Bytes
    number: int
    fan: int = 0
    segment: Bytes = 0


# Of a collective, by its number: entries for each number of processes from so many on.
Entries = dict[int, list[tuple[int, list[Entry]]]]


def entries(rules: Sequence[Rule]) -> list[Entry]:
    """Turn rules up to a size into entries from a size on; 0 leaves the library's choice."""
    found, least = [], 0
    for rule in rules:
        if rule.algorithm is None:
            found.append(Entry(least, 0))
        else:
            segment = int(dict(rule.algorithm.parameters).get("segment", 0))
            found.append(Entry(least, int(rule.algorithm.name.split()[0]), 0, segment))
        least = rule.most + 1
    return [entry for entry in found if entry.least <= LARGEST]


def default(collective: str, processes: int, size: Bytes) -> Algorithm | None:
    """Look up what the library takes by itself; None where that is not modelled."""
    counted = size // processes if collective in BLOCKWISE else size
    number = next(alg for end, alg in fixed(collective, processes) if counted < end)
    number = SAME[collective].get(number, number)
    return next(
        (
            each
            for each in ALGORITHMS[collective]
            if each.name.split()[0] == str(number) and not each.parameters and each.fits(processes)
        ),
        _bruck(processes) if collective == "all_gather" and number in (3, 5) else None,
    )


def _bruck(processes: int) -> Algorithm | None:
    """Give what takes the place of what is for powers of two, or even numbers, alone."""
    return ALGORITHMS["all_gather"][0] if processes & (processes - 1) else None


def changes(collective: str, processes: int) -> list[Bytes]:
    """List the sizes below which the library's own choice changes, and those."""
    times = processes if collective in BLOCKWISE else 1
    ends = [end * times for end, _ in fixed(collective, processes) if end < ALWAYS]
    return sorted({size for end in ends for size in (end - times, end) if size > 0})


def eager_limit() -> Bytes:
    """Read up to which size messages over TCP are sent without asking; 0 where nobody says so."""
    given = os.environ.get(AT_ONCE, "")
    return max(int(given) - HEADER, 0) if given.isdecimal() and len(given) < 10 else 0


@dataclass(frozen=True)
class OpenMpi:
    """The text that Open MPI 4.1 and 5.0 load.

    Attributes:
        eager: bytes up to which messages over TCP are sent without asking; 0 where that, or whether
            there is TCP, is unknown.
    """

    eager: Bytes = 0

    @property
    def catalogue(self) -> Catalogue:
        """List the algorithms by collective."""
        return ALGORITHMS

    def default(self, collective: str, processes: int, size: Bytes) -> Algorithm | None:
        """Look up what the library takes by itself; None where that is not modelled."""
        return default(collective, processes, size)

    def changes(self, collective: str, processes: int) -> list[Bytes]:
        """List sizes at which that changes."""
        return changes(collective, processes)

    def write(self, rules: Rules) -> str:
        """Write the file: numbers, and after # what they mean."""
        kept = _kept(rules)
        lines = ["# Rules for coll/tuned of Open MPI 4.1 and 5.0", f"{len(kept)} # collectives"]
        for collective, by_count in sorted(kept.items(), key=lambda item: NUMBERS[item[0]]):
            number, word = NUMBERS[collective]
            parts = _with_neighbours({n: entries(own) for n, own in by_count.items()})
            lines += [f"{number} # {word}", f"{len(parts)} # numbers of processes"]
            for n, own in parts:
                lines.append(f"{n} {len(own)} # processes, rules: from, algorithm, fan, segment")
                for entry in own:
                    name = NAMES[collective][entry.number - 1] if entry.number else "as it is"
                    figures = f"{entry.least} {entry.number} {entry.fan} {entry.segment}"
                    lines.append(f"{figures} # {name}")
        return "\n".join(lines) + "\n"

    def read(self, written: str, collective: str, processes: int, size: Bytes) -> str | None:
        """Look up what a file says, as the library does; None where that is its own choice."""
        parts = read_text(written).get(NUMBERS[collective][0], [])
        own = [part for n, part in parts if n <= processes][-1:] or [part for _, part in parts[:1]]
        found = [entry for entry in (own[0] if own else []) if entry.least <= size][-1:]
        return _title(collective, found[0]) if found else None

    def variables(self, path: str) -> Mapping[str, str]:
        """Give the variables of the environment by which programs load a file."""
        return {USE: "1", FILE: path}


def _kept(rules: Rules) -> dict[str, dict[int, Sequence[Rule]]]:
    """Leave out what changes nothing."""
    found = {
        collective: {n: own for n, own in by_count.items() if any(r.algorithm for r in own)}
        for collective, by_count in rules.items()
    }
    return {collective: by_count for collective, by_count in found.items() if by_count}


def _with_neighbours(by_count: Mapping[int, list[Entry]]) -> list[tuple[int, list[Entry]]]:
    """Let numbers of processes below and above each keep the library's choice."""
    found = {0: [Entry(0, 0)]}
    for n in by_count:
        found.setdefault(n + 1, [Entry(0, 0)])
    return sorted({**found, **by_count}.items())


def _title(collective: str, entry: Entry) -> str | None:
    if not entry.number:
        return None
    name = f"{entry.number} {NAMES[collective][entry.number - 1]}"
    return f"{name} segment={entry.segment}" if entry.segment else name


def read_text(text: str) -> Entries:
    """Read a rules file as the library does: numbers, whatever else being a comment after #.

    Raises:
        RulesError: numbers are missing, left over or too large, or the first size is not 0.
    """
    plain = re.sub("#[^\n]*", " ", text)
    if bad := re.search(r"[^\s0-9]", plain):
        raise RulesError(f"rules: found {bad[0]!r}, expected numbers")
    numbers = iter([int(word) for word in plain.split()])
    found: Entries = {}
    for _ in range(_next(numbers, "collectives", COLLECTIVES)):
        collective = _next(numbers, "collective", COLLECTIVES - 1)
        found[collective] = []
        for _ in range(_next(numbers, "numbers of processes")):
            n = _next(numbers, "processes")
            if found[collective] and n <= found[collective][-1][0]:
                raise RulesError(f"rules: {n} processes after {found[collective][-1][0]}")
            own = [
                Entry(*(_next(numbers, "rule") for _ in range(4)))
                for _ in range(_next(numbers, "rules"))
            ]
            if not own or own[0].least:
                raise RulesError(f"rules of {n} processes: the first is not from size 0 on")
            found[collective].append((n, own))
    if next(numbers, None) is not None:
        raise RulesError("rules: numbers are left over")
    return found


def _next(numbers: Iterator[int], what: str, most: int = LARGEST) -> int:
    found = next(numbers, None)
    if found is None or found > most:
        raise RulesError(f"rules: {what}: found {found}, expected a number up to {most}")
    return found


class OpenMpiJson(OpenMpi):
    """The JSON that Open MPI 6.0 loads."""

    def write(self, rules: Rules) -> str:
        """Write the file; algorithms have their names."""
        collectives = {
            NUMBERS[name][1]: [
                {"comm_size_min": n, "comm_size_max": n, "rules": _objects(name, entries(own))}
                for n, own in sorted(by_count.items())
            ]
            for name, by_count in _kept(rules).items()
        }
        tree = {"rule_file_version": 3, "module": "tuned", "collectives": collectives}
        return json.dumps(tree, indent=1) + "\n"

    def read(self, written: str, collective: str, processes: int, size: Bytes) -> str | None:
        """Look up what a file says, as the library does; None where that is its own choice."""
        for part in read_json(written).get(NUMBERS[collective][1], []):
            if part["comm_size_min"] <= processes <= part["comm_size_max"]:
                for rule in part["rules"]:
                    if rule["msg_size_min"] <= size <= rule["msg_size_max"]:
                        number = NAMES[collective].index(rule["alg"]) + 1
                        return _title(collective, Entry(0, number, 0, rule["seg_size"]))
        return None


def _objects(collective: str, found: Sequence[Entry]) -> list[dict[str, Any]]:
    """Write rules with both ends; the library's own choice is what no rule is for."""
    ends = [*(entry.least - 1 for entry in found[1:]), "inf"]
    return [
        {
            "msg_size_min": entry.least,
            "msg_size_max": end,
            "alg": NAMES[collective][entry.number - 1],
            "seg_size": entry.segment,
        }
        for entry, end in zip(found, ends, strict=True)
        if entry.number
    ]


def read_json(text: str) -> dict[str, list[dict[str, Any]]]:
    """Read a JSON rules file as the loader does, with what it takes where nothing is said.

    Raises:
        RulesError: a field that it does not know, or one that it would refuse or pass over.
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RulesError(f"rules: no JSON: {error}") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("collectives"), dict):
        raise RulesError("rules: no object with collectives")
    if (tree.get("rule_file_version"), tree.get("module")) != (3, "tuned"):
        raise RulesError("rules: expected rule_file_version 3 of the module tuned")
    known = {word: name for name, (_, word) in NUMBERS.items()}
    found = {}
    for word, parts in tree["collectives"].items():
        if word not in known or not isinstance(parts, list):
            raise RulesError(f"collectives: {word[:60]!r}, expected lists of {', '.join(known)}")
        found[word] = [_read_part(known[word], f"{word}[{i}]", p) for i, p in enumerate(parts)]
    return found


def _read_part(collective: str, place: str, part: object) -> dict[str, Any]:
    given = _object(place, part, COMMUNICATOR)
    rules = given.get("rules")
    if not isinstance(rules, list):
        raise RulesError(f"{place}: no list of rules")
    return {
        "comm_size_min": _whole(place, given, "comm_size_min", 0),
        "comm_size_max": _whole(place, given, "comm_size_max", LARGEST),
        "rules": [
            _read_rule(collective, f"{place}.rules[{i}]", rule) for i, rule in enumerate(rules)
        ],
    }


def _read_rule(collective: str, place: str, rule: object) -> dict[str, Any]:
    given = _object(place, rule, FIELDS)
    algorithm = given.get("alg")
    if isinstance(algorithm, int) and 1 <= algorithm <= len(NAMES[collective]):
        algorithm = NAMES[collective][algorithm - 1]
    if algorithm not in NAMES[collective]:
        raise RulesError(f"{place}: alg {str(algorithm)[:40]!r} is no algorithm of {collective}")
    return {
        "alg": algorithm,
        "msg_size_min": _whole(place, given, "msg_size_min", 0),
        "msg_size_max": _whole(place, given, "msg_size_max", ALWAYS),
        "seg_size": _whole(place, given, "seg_size", 0),
    }


def _object(place: str, given: object, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(given, dict) or set(given) - set(known):
        raise RulesError(f"{place}: expected an object of {', '.join(known)}")
    return given


def _whole(place: str, given: Mapping[str, Any], key: str, missing: int) -> int:
    value = given.get(key, missing)
    if value in ("inf", "Inf", "INF"):
        return ALWAYS
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RulesError(f"{place}: {key} is {str(value)[:40]!r}, expected a number or inf")
    return value
