"""The order of starting, said by what messages wait for: for formats that know nothing else.

A message starts as soon as all is done that it requires. So it starts no sooner than another one
of the same rank if it requires all that the other does; where that is much, work of no length
stands for it.
"""

from dataclasses import replace

from runtime.foreign.traces.trace import Kind, Node, Trace

FEW = 2  # nodes that are required besides; more of them are put together


def order_by_requirements(trace: Trace) -> Trace:
    """Let each node require what those require that it follows, instead of following them.

    Complexity: nodes × the requirements of one.
    """
    return tuple(_rank(nodes) for nodes in trace)


def _rank(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    made, behind = list(nodes), list[Node]()
    waits: list[frozenset[int]] = []  # of each node; it follows smaller numbers alone
    for number, node in enumerate(nodes):
        own = frozenset(node.requires)
        for before in node.follows:
            more = _without_implied(nodes, own | waits[before]) - own
            if len(more) > FEW:
                behind.append(Node(Kind.WORK, requires=tuple(sorted(more))))
                more = frozenset([len(nodes) + len(behind) - 1])
            own |= more
        waits.append(own)
        made[number] = replace(node, requires=tuple(sorted(own)), follows=())
    return (*made, *behind)


def _without_implied(nodes: tuple[Node, ...], some: frozenset[int]) -> frozenset[int]:
    """Leave out what another one of them requires."""
    implied = {need for each in some if each < len(nodes) for need in nodes[each].requires}
    return some - implied
