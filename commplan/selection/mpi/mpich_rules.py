"""Rules of ours set into MPICH's tree: for one number of processes, by size, in front of its own.

What the library tests of a communicator stays above all sizes, since it looks at that only once.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from commplan.selection.algorithm import Algorithm, Rule, Rules
from commplan.selection.mpi.mpich_tree import KEY, Call, Tree, holds
from topologies.model.units import Bytes

# Which size a collective's rules speak of, and what its calls are besides.
KEYS = {
    "allgather": "total_msg_size",
    "allreduce": "avg_msg_size",
    "bcast": "avg_msg_size",
    "alltoall": "avg_msg_size",
    "reduce_scatter": "total_msg_size",
    "reduce_scatter_block": "total_msg_size",
}
ONLY = {"is_commutative": "yes", "is_sendbuf_inplace": "no"}
ADDS = ("allreduce", "reduce_scatter", "reduce_scatter_block")
# Algorithms that share out elements, one at least for each process of the largest power of 2.
SHARING = ("reduce_scatter_allgather", "k_reduce_scatter_allgather")
LARGEST = 2**31 - 1
PAGE = 4096


def call_of(word: str, processes: int, size: Bytes) -> Call:
    """Say what a call of so many bytes of the largest buffer is, of elements of 4 bytes."""
    shared = word in ("alltoall", "allgather", "reduce_scatter", "reduce_scatter_block")
    average = size // processes if shared else size
    total = average * processes
    count = total if word.startswith("reduce_scatter") else average
    return Call(processes, average, total, count // 4)


def set_rules(tree: Tree, rules: Rules) -> dict[str, Any]:
    """Give a tree in which the rules of each collective, and number of processes, come first."""
    made = dict(tree)
    for word, by_count in rules.items():
        key = f"collective={word}"
        own = tree[key]
        made[key] = {
            kind: _by_count(word, below, by_count) if kind == "comm_type=intra" else below
            for kind, below in own.items()
        }
    return made


def _by_count(word: str, node: Tree, by_count: Mapping[int, Sequence[Rule]]) -> Tree:
    """Let each number of processes have its branch; all others keep theirs."""
    branches: dict[str, Any] = {}
    for n, rules in sorted(by_count.items()):
        if all(rule.algorithm is None for rule in rules):
            continue
        if f"comm_size<={n - 1}" not in branches:
            branches[f"comm_size<={n - 1}"] = node
        branches[f"comm_size<={n}"] = _place(word, node, n, rules)
    return {**branches, "comm_size=any": node} if branches else node


def _place(word: str, node: Tree, n: int, rules: Sequence[Rule]) -> Tree:
    """Go down through what is tested of a communicator or a call, and set sizes in front."""
    match = KEY.fullmatch(next(iter(node)))
    tested = match[1] if match else ""
    if tested == "comm_size":
        call = Call(n, 0, 0, 0)
        return _place(word, next(own for key, own in node.items() if holds(key, call)), n, rules)
    if tested == "comm_hierarchy":
        return {key: _place(word, below, n, rules) for key, below in node.items()}
    if tested in ONLY:
        wanted = f"{tested}={ONLY[tested]}"
        return {
            key: _place(word, below, n, rules) if key == wanted else below
            for key, below in node.items()
        }
    return _by_size(word, node, n, rules)


def _by_size(word: str, node: Tree, n: int, rules: Sequence[Rule]) -> Tree:
    shares = n if word == "alltoall" else 1
    branches = {}
    for rule in rules:
        limit = rule.most // shares
        key = f"{KEYS[word]}<={limit}" if limit < LARGEST else f"{KEYS[word]}=any"
        branches[key] = node if rule.algorithm is None else _guarded(word, node, rule.algorithm)
    branches.setdefault(f"{KEYS[word]}=any", node)
    return branches


def _guarded(word: str, node: Tree, algorithm: Algorithm) -> Tree:
    """Name an algorithm, for the operations and counts that it can do; else leave the library's."""
    name = algorithm.name
    if word == "reduce_scatter":
        name = name.replace("MPIR_Reduce_scatter_block_", "MPIR_Reduce_scatter_")
    found: Tree = {f"algorithm={name}": {f"{k}={v}": {} for k, v in algorithm.parameters}}
    if name.endswith(SHARING):
        found = {"count<pow2": node, "count=any": found}
    if word == "allreduce":
        found = {"is_op_built_in=yes": found, "is_op_built_in=no": node}
        found = {"is_commutative=yes": found, "is_commutative=no": node}
    return found


def text(tree: Tree) -> str:
    """Write a tree; never in whole pages, since the library looks for an end after the file's."""
    written = json.dumps(tree, indent=1) + "\n"
    return written if len(written) % PAGE else written + "\n"
