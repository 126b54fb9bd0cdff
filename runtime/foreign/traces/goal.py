"""GOAL, the text for LogGOPSim's txt2bin: ranks, labelled operations, and requirements."""

import re
from collections.abc import Iterator
from dataclasses import replace

from runtime.foreign.errors import ForeignError
from runtime.foreign.traces.trace import MOST_NODES, MOST_RANKS, Kind, Node, Trace
from topologies.model.messages import show_value

_SEND = r"l(\d{1,7}): (send|recv) (\d{1,15})b (?:to|from) (\d{1,6}) tag (\d{1,9})"
_WORK = r"l(\d{1,7}): calc (\d{1,15})"
_NEED = r"l(\d{1,7}) (i?)requires l(\d{1,7})"
_WORDS = {Kind.SEND: ("send", "to"), Kind.RECEIVE: ("recv", "from")}


def encode(trace: Trace) -> str:
    """Write a trace, always as the same text; operation n of a rank is labelled ln.

    Requirements stand behind all operations of a rank: txt2bin reads line by line, and ends at a
    label that it has not seen yet.
    """
    lines = [f"num_ranks {len(trace)}"]
    for rank, nodes in enumerate(trace):
        lines += [f"rank {rank} {{", *map(_operation, range(len(nodes)), nodes)]
        for number, node in enumerate(nodes):
            lines += [f"l{number} requires l{other}" for other in node.requires]
            lines += [f"l{number} irequires l{other}" for other in node.follows]
        lines += ["}"]
    return "\n".join(lines) + "\n"


def _operation(number: int, node: Node) -> str:
    if node.kind == Kind.WORK:
        return f"l{number}: calc {node.nanoseconds}"
    verb, towards = _WORDS[node.kind]
    return f"l{number}: {verb} {node.size}b {towards} {node.peer} tag {node.tag}"


def decode(text: str) -> Trace:
    """Read a trace; operations are labelled l0, l1 and so on, in order.

    Raises:
        ForeignError: a line that is none of GOAL's, with its number.
    """
    lines = enumerate((line.strip() for line in text.splitlines()), 1)
    rows = ((number, line) for number, line in lines if line and not line.startswith("//"))
    number, head = next(rows, (1, ""))
    found = re.fullmatch(r"num_ranks (\d{1,6})", head, re.ASCII)
    if found is None or not 1 <= int(found[1]) <= MOST_RANKS:
        raise ForeignError(
            f"line {number}: {show_value(head[:80])}, expected num_ranks and how many"
        )
    trace = tuple(_rank(rank, rows) for rank in range(int(found[1])))
    for number, line in rows:
        raise ForeignError(f"line {number}: {show_value(line[:80])} behind the last rank")
    if sum(map(len, trace)) > MOST_NODES:
        raise ForeignError(f"more than {MOST_NODES} operations")
    return trace


def _rank(rank: int, rows: Iterator[tuple[int, str]]) -> tuple[Node, ...]:
    """Read what stands between the braces of a rank."""
    number, line = next(rows, (0, "the end"))
    if line != f"rank {rank} {{":
        raise ForeignError(f"line {number}: {show_value(line[:80])}, expected 'rank {rank} {{'")
    nodes: list[Node] = []
    needs: dict[int, tuple[list[int], list[int]]] = {}
    for number, line in rows:
        if line == "}":
            return _joined(nodes, needs)
        if (found := re.fullmatch(_NEED, line, re.ASCII)) is not None:
            one, other = int(found[1]), int(found[3])
            if max(one, other) >= len(nodes):
                raise ForeignError(f"line {number}: l{max(one, other)} is no label of a line above")
            needs.setdefault(one, ([], []))[bool(found[2])].append(other)
            continue
        node, label = _node(number, line)
        if label != len(nodes):
            raise ForeignError(f"line {number}: label l{label}, expected l{len(nodes)}")
        nodes.append(node)
        if len(nodes) > MOST_NODES:
            raise ForeignError(f"line {number}: more than {MOST_NODES} operations")
    raise ForeignError(f"rank {rank} does not end")


def _node(number: int, line: str) -> tuple[Node, int]:
    if (found := re.fullmatch(_SEND, line, re.ASCII)) is not None:
        kind = Kind.SEND if found[2] == "send" else Kind.RECEIVE
        return Node(kind, int(found[4]), int(found[3]), int(found[5])), int(found[1])
    if (found := re.fullmatch(_WORK, line, re.ASCII)) is not None:
        return Node(Kind.WORK, nanoseconds=int(found[2])), int(found[1])
    raise ForeignError(f"line {number}: {show_value(line[:80])} is no operation that is known")


def _joined(nodes: list[Node], needs: dict[int, tuple[list[int], list[int]]]) -> tuple[Node, ...]:
    """Give nodes their requirements."""
    for label, (requires, follows) in needs.items():
        nodes[label] = replace(nodes[label], requires=tuple(requires), follows=tuple(follows))
    return tuple(nodes)
