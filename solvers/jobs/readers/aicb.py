"""Workload text of SimAI and AICB: rows of layers, each with its collectives and bytes.

A row is: name, dependency, then for forward, backward and weights three words each: computation,
collective, bytes; and a time. The suffix of a collective says its groups: none is tensor
parallelism forward and backward and data parallelism for weights, _EP expert parallelism, _DP and
_DP_EP data parallelism without and with experts. Rows count as often as they are written.
Source: SimAI, `example/workload_analytical.txt`; AICB's workload specification 1.1.
"""

import re
from collections import Counter
from typing import Any

from solvers.jobs.errors import JobError

HEAD = "HYBRID_TRANSFORMER"
WORDS = 11  # of a row, at least
MOST_ROWS = 1_000_000
COLLECTIVES = {
    "ALLREDUCE": "all_reduce",
    "ALLGATHER": "all_gather",
    "REDUCESCATTER": "reduce_scatter",
    "ALLTOALL": "all_to_all",
}
SUFFIXES = {"_DP_EP": "edp", "_EP": "ep", "_DP": "dp"}
PASSES = ((3, "tp"), (6, "tp"), (9, "dp"))  # places of collectives in a row, and their groups


def looks_like(text: str) -> bool:
    """Tell whether a text begins as such workloads do."""
    return text.lstrip().startswith(HEAD)


def read(text: str, name: str) -> dict[str, Any]:
    """Read a job of a workload: the layout of its head, and its collectives added up.

    Args:
        text: of the file.
        name: of the job.

    Raises:
        JobError: with the line where something is missing or unknown.
    """
    lines = text.splitlines()
    first = next(place for place, line in enumerate(lines) if line.strip())
    if len(lines) > MOST_ROWS:
        raise JobError(f"{len(lines):,} lines, expected at most {MOST_ROWS:,}")
    layout, sends = _head(lines[first], first + 1)
    found: Counter[tuple[str, str, int]] = Counter()
    rows = 0
    for number, line in enumerate(lines[first + 1 :], first + 2):
        words = line.split()
        if len(words) > 1:
            rows += 1
            _count(words, number, found)
    stated = lines[first + 1].strip() if len(lines) > first + 1 else ""
    if re.fullmatch("[0-9]{1,9}", stated) and int(stated) > rows:
        raise JobError(f"line {first + 2}: found {rows} rows, expected {stated}: it was cut off")
    flows = [
        {"group": group, "collective": collective, "bytes": size, "times": times}
        for (group, collective, size), times in found.items()
    ]
    if not flows and not sends:
        raise JobError("found no collectives, expected rows with some")
    return {
        "format": "commplan/job/1",
        "name": name,
        "source": "SimAI/AICB workload",
        "layout": layout,
        "flows": flows + sends,
    }


def _head(line: str, number: int) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Read the layout, and what the pipeline sends."""
    given = {key: int(value) for key, value in re.findall(r"(\w+):? ([0-9]{1,40})\b", line)}
    ranks, tp = given.get("all_gpus", 0), given.get("model_parallel_NPU_group", 0)
    pp, ep = given.get("pp", 1), given.get("ep", 1)
    if not ranks or not tp or not pp or ranks % (tp * pp):
        raise JobError(
            f"line {number}: found all_gpus {ranks}, expected a multiple of "
            f"model_parallel_NPU_group {tp} x pp {pp}"
        )
    # AICB gives an expert to whole ranks, and its virtual stages are single layers.
    layout = {"tp": tp, "ep": ep, "etp": 1, "pp": pp, "dp": ranks // (tp * pp)}
    size, count = given.get("pp_comm", 0), given.get("ga", 1)
    if pp == 1 or not size:
        return layout, []
    send = {"group": "pp", "collective": "send", "bytes": size, "times": 2 * max(count, 1)}
    return layout, [send]


def _count(words: list[str], number: int, found: "Counter[tuple[str, str, int]]") -> None:
    """Add what a row exchanges."""
    if len(words) < WORDS:
        raise JobError(f"line {number}: found {len(words)} words, expected {WORDS + 1}")
    for place, usual in PASSES:
        word, size = words[place], words[place + 1]
        if word == "NONE":
            continue
        suffix = next((each for each in SUFFIXES if word.endswith(each)), "")
        known = COLLECTIVES.get(word.removesuffix(suffix))
        if known is None:
            raise JobError(f"line {number}: found {word[:40]!r}, expected a collective or NONE")
        if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", size):
            raise JobError(f"line {number}: found {size[:40]!r}, expected bytes")
        if int(float(size)):
            found[SUFFIXES.get(suffix, usual), known, int(float(size))] += 1
