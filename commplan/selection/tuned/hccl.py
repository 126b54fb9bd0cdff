"""HCCL's tuner file: JSON, version 1, read by the rules of the example plugin that loads it.

HCCL was not measured here. Its templates are played on the machine with the figures of the
topology: a mesh, where all send to all at once, and NHR, a ring with as many rounds as doubling
has; an all_reduce knows a mesh in one shot and in two. A rule is written where one is faster than
all others by more than MARGIN, whatever a message costs between nothing and several latencies.

The loader compares what the library calls the bytes of the input: of an all_gather those of one
rank, of the others all that the largest buffer holds (`inputSize` in its open sources).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isqrt
from typing import Any

from commplan.selection.algorithm import Algorithm
from commplan.selection.play import Stage
from commplan.selection.tuned.tuner_files import TunerError, parse
from solvers.selectable import gathers, nhr, spreads, sums
from topologies.model.units import Bytes, Seconds

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
# By collective: what the file calls it, and the templates of the library to choose from.
TEMPLATES: Mapping[str, tuple[str, Sequence[Algorithm]]] = {
    "all_reduce": (
        "allreduce",
        (
            Algorithm("meshoneshot", (), sums.one_shot),
            Algorithm("meshtwoshot", (), sums.two_shot),
            Algorithm("nhr", (), nhr.total),
        ),
    ),
    "all_gather": (
        "allgather",
        (Algorithm("mesh", (), gathers.direct), Algorithm("nhr", (), nhr.gather)),
    ),
    "reduce_scatter": (
        "reduce_scatter",
        (Algorithm("mesh", (), sums.shares_at_once), Algorithm("nhr", (), nhr.shares)),
    ),
    "broadcast": (
        "broadcast",
        (
            Algorithm("mesh", (), spreads.scatter_gather_at_once),
            Algorithm("nhr", (), nhr.broadcast),
        ),
    ),
    "scatter": (
        "scatter",
        (Algorithm("mesh", (), spreads.scatter_at_once), Algorithm("nhr", (), nhr.scatter)),
    ),
}
ONE_EACH = "alltoall, alltoallv and reduce, of which its guide has no template but a mesh"


@dataclass(frozen=True)
class HcclRule:
    """A template for sizes from one to another, inclusive, and how many times as fast it is.

    Attributes:
        seconds: at the largest size that was played: of the template, and of the next best.
        op: what the file calls the collective.
        least, most: bytes of the largest buffer of a rank.
        counted: how many times as many as the loader compares.
    """

    op: str
    ranks: int
    least: Bytes
    most: Bytes
    template: str
    gain: tuple[float, float]
    seconds: tuple[Seconds, Seconds]
    counted: int = 1

    @property
    def found(self) -> tuple[tuple[float, float], tuple[Seconds, Seconds]]:
        """Give what was found: gains and seconds."""
        return self.gain, self.seconds

    @property
    def compared(self) -> tuple[Bytes, Bytes]:
        """Give the bytes that the loader compares."""
        return -(-self.least // self.counted), self.most // self.counted


def hccl_rules(scenes: Sequence[Stage]) -> list[HcclRule]:
    """Find at which sizes one template of a collective is faster than all others.

    Args:
        scenes: of one communicator, each with another cost of messages.
    """
    return [rule for collective in TEMPLATES for rule in _rules(scenes, collective)]


def _rules(scenes: Sequence[Stage], collective: str) -> Iterator[HcclRule]:
    n = scenes[0].processes
    op, _ = TEMPLATES[collective]
    played = [(size, _best(scenes, collective, size)) for size in SIZES]
    for template, sizes in groupby(played, lambda each: each[1] and each[1][0]):
        run = [(size, best) for size, best in sizes if best]
        if template is None or not run:
            continue
        gains = [best[1] for _, best in run]
        least = 0 if run[0][0] == SIZES[0] else isqrt(run[0][0] ** 2 // 2) + 1
        most = LARGEST if run[-1][0] == SIZES[-1] else isqrt(2 * run[-1][0] ** 2)
        counted = n if collective == "all_gather" else 1
        told = (min(gains), max(gains)), run[-1][1][2]
        yield HcclRule(op, n, least, most, template, *told, counted)


Best = tuple[str, float, tuple[Seconds, Seconds]]


def _best(scenes: Sequence[Stage], collective: str, size: Bytes) -> Best | None:
    """Find the template that is faster than the others in every scene, and by how much.

    Seconds are those of the scene in which it gains least.
    """
    found: dict[str, list[tuple[float, tuple[Seconds, Seconds]]]] = {}
    for scene in scenes:
        times = {
            each.name: scene.seconds(collective, each, size) for each in TEMPLATES[collective][1]
        }
        first, second, *_ = sorted(times, key=lambda name: times[name])
        pair = times[first], times[second]
        found.setdefault(first, []).append((pair[1] / pair[0], pair))
    if len(found) > 1:
        return None
    [(name, each)] = found.items()
    gain, seconds = min(each)
    return (name, gain, seconds) if gain > 1 + MARGIN else None


def write(rules: Sequence[HcclRule], notes: Sequence[str]) -> str:
    """Write the file; the notes stand where the loader does not look."""
    ops: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for rule in rules:
        least, most = rule.compared
        ops.setdefault(rule.op, {"rules": []})["rules"].append(
            {
                "match": {
                    "min_ranks": rule.ranks,
                    "max_ranks": rule.ranks,
                    "min_bytes": least,
                    "max_bytes": most,
                },
                "engine": "aicpu",
                "executor": "sole",
                "template": rule.template,
                "cost": 0.0,
            }
        )
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
