"""HCCL's tuner file: JSON, version 1, read by the rules of the example plugin that loads it.

HCCL was not measured here. Its templates are played on the machine with the figures of the
topology: a mesh in one shot or two, and NHR, which halves and doubles. A rule is written where one
is faster than all others by more than MARGIN, whatever a message costs between nothing and several
latencies. Only allreduce, of which it is plain what the loader counts as bytes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from math import isqrt
from typing import Any

from commplan.selection.algorithm import Algorithm
from commplan.selection.play import Stage
from commplan.selection.tuned.tuner_files import TunerError, parse
from solvers.selectable import sums
from topologies.model.units import Bytes

MARGIN = 0.5
SIZES = tuple(2**power for power in range(10, 29))
OPS = (
    *("allreduce", "allgather", "broadcast", "reduce", "reduce_scatter", "scatter", "alltoall"),
    "alltoallv",
)
NAMES = {
    "engine": ("aicpu", "ccums", "ccusched", "aiv", "dpu"),
    "executor": ("sole", "sequence", "parallel", "pipeline", "concur"),
    "template": (
        *("mesh", "mesh2die", "meshoneshot", "meshtwoshot", "meshconcur", "meshmultilink"),
        *("meshchunk", "meshchunktwoshot", "nhr", "nhrmultilink"),
    ),
}
REQUIRED = ("min_ranks", "max_ranks", "min_bytes", "max_bytes")
MATCHES = (
    *(*REQUIRED, "data_type", "comm_name", "min_npus_per_server", "max_npus_per_server"),
    *("min_servers", "max_servers", "min_pods", "max_pods", "min_super_pods", "max_super_pods"),
    "buffer_size",
)
RULE = ("match", *NAMES, "cost", "args")
FILE_LIMIT, RULES_LIMIT, RULES_OF_ONE = 4 * 2**20, 5000, 2000
UNSIGNED = 2**32 - 1
LARGEST = 2**53  # bytes: whole numbers that every reader of JSON keeps
TEMPLATES = (
    Algorithm("meshoneshot", (), sums.one_shot),
    Algorithm("meshtwoshot", (), sums.two_shot),
    Algorithm("nhr", (), partial(sums.halving_doubling, k=2)),
)


@dataclass(frozen=True)
class HcclRule:
    """A template for sizes from one to another, inclusive, and how many times as fast it is."""

    ranks: int
    least: Bytes
    most: Bytes
    template: str
    gain: tuple[float, float]


def hccl_rules(scenes: Sequence[Stage]) -> list[HcclRule]:
    """Find at which sizes an all_reduce of one template is faster than of all others.

    Args:
        scenes: of one communicator, each with another cost of messages.
    """
    n = scenes[0].processes
    found: list[HcclRule] = []
    played = [(size, _best(scenes, size)) for size in SIZES]
    for template, sizes in groupby(played, lambda each: each[1] and each[1][0]):
        run = [(size, best[1]) for size, best in sizes if best]
        if template is None or not run:
            continue
        gains = [gain for _, gain in run]
        least = 0 if run[0][0] == SIZES[0] else isqrt(run[0][0] ** 2 // 2) + 1
        most = LARGEST if run[-1][0] == SIZES[-1] else isqrt(2 * run[-1][0] ** 2)
        found.append(HcclRule(n, least, most, template, (min(gains), max(gains))))
    return found


def _best(scenes: Sequence[Stage], size: Bytes) -> tuple[str, float] | None:
    """Find the template that is faster than the others in every scene, and by how much."""
    found = set()
    gains = []
    for scene in scenes:
        times = {each.name: scene.seconds("all_reduce", each, size) for each in TEMPLATES}
        first, second, *_ = sorted(times, key=lambda name: times[name])
        found.add(first)
        gains.append(times[second] / times[first])
    return (found.pop(), min(gains)) if len(found) == 1 and min(gains) > 1 + MARGIN else None


def write(rules: Sequence[HcclRule], notes: Sequence[str]) -> str:
    """Write the file; the notes stand where the loader does not look."""
    listed = [
        {
            "match": {
                "min_ranks": rule.ranks,
                "max_ranks": rule.ranks,
                "min_bytes": rule.least,
                "max_bytes": rule.most,
            },
            "engine": "aicpu",
            "executor": "sole",
            "template": rule.template,
            "cost": 0.0,
        }
        for rule in rules
    ]
    ops = {"allreduce": {"rules": listed}} if listed else {}
    return json.dumps({"version": 1, "comment": list(notes), "op_types": ops}, indent=1) + "\n"


def read(text: str) -> dict[str, list[Mapping[str, Any]]]:
    """Read such a file as the loader does: of one fault it would not act at all.

    Raises:
        TunerError: the place, what was found and what was expected.
    """
    if not 0 < len(text.encode()) <= FILE_LIMIT:
        raise TunerError(f"{len(text.encode())} bytes, at most {FILE_LIMIT} are read")
    tree = parse(text)
    if tree.get("version") != 1 or not isinstance(tree.get("op_types"), dict):
        raise TunerError("expected version 1 and op_types")
    found: dict[str, list[Mapping[str, Any]]] = {}
    for op, given in tree["op_types"].items():
        rules = given.get("rules") if isinstance(given, dict) else None
        if op not in OPS or not isinstance(rules, list) or not 0 < len(rules) <= RULES_OF_ONE:
            raise TunerError(f"{op[:40]!r}: expected 1 to {RULES_OF_ONE} rules of {', '.join(OPS)}")
        found[op] = [_read_rule(f"{op}.rules[{i}]", rule) for i, rule in enumerate(rules)]
    if sum(map(len, found.values())) > RULES_LIMIT:
        raise TunerError(f"more than {RULES_LIMIT} rules")
    return found


def _read_rule(place: str, rule: object) -> Mapping[str, Any]:
    if not isinstance(rule, dict) or set(rule) - set(RULE):
        raise TunerError(f"{place}: expected an object of {', '.join(RULE)}")
    match = rule.get("match")
    if not isinstance(match, dict) or set(match) - set(MATCHES):
        raise TunerError(f"{place}: expected match with {', '.join(MATCHES)}")
    for key in REQUIRED:
        most = UNSIGNED if "ranks" in key else LARGEST
        value = match.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise TunerError(f"{place}: {key} is {str(value)[:40]!r}, expected 0 to {most}")
    for low, high in (REQUIRED[:2], REQUIRED[2:]):
        if match[low] > match[high]:
            raise TunerError(f"{place}: {low} {match[low]} is more than {high} {match[high]}")
    for key, known in NAMES.items():
        if rule.get(key) not in known:
            found = str(rule.get(key))[:40]
            raise TunerError(f"{place}: {key} is {found!r}, expected {', '.join(known)}")
    cost = rule.get("cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        raise TunerError(f"{place}: cost is {str(cost)[:40]!r}, expected a number")
    return rule


def look_up(
    found: Mapping[str, Sequence[Mapping[str, Any]]], op: str, ranks: int, size: Bytes
) -> str:
    """Look up the template whose cost the first rule that matches sets, or nothing."""
    for rule in found.get(op, ()):
        match = rule["match"]
        if match["min_ranks"] <= ranks <= match["max_ranks"] and (
            match["min_bytes"] <= size <= match["max_bytes"]
        ):
            return str(rule["template"])
    return ""
