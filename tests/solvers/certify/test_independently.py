"""What certificates prove, worked out a second time: solver and checker share a kernel.

Prices: shortest paths by networkx, and trees by looking at every one that there is. Cuts: edge
boundaries by networkx. All ranks take part here, so that trees branch at no other vertices.
"""

from fractions import Fraction
from functools import cache
from itertools import product

import networkx as nx
import numpy as np
import pytest

from solvers.certify.certificates import prove
from solvers.certify.dual_bound import Unproven
from solvers.schedules.certificate import Cut, Prices
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from topologies.model.topology import Link, Switch, build, integers
from topologies.symmetry.group import trivial

MACHINES = 200


def drawn(seed):
    """Draw a strongly connected machine of 2 to 5 ranks and 0 to 3 switches, parallel links too."""
    draw = np.random.default_rng(seed)
    ranks = [f"r{i}" for i in range(int(draw.integers(2, 6)))]
    switches = [Switch(f"s{i}") for i in range(int(draw.integers(0, 4)))]
    ends = ranks + [switch.name for switch in switches]
    order = draw.permutation(len(ends))
    pairs = list(zip(order, np.roll(order, 1), strict=True))
    pairs += [draw.choice(len(ends), 2, replace=False) for _ in range(int(draw.integers(0, 12)))]
    rates = draw.choice([1, 2, 3, 7, Fraction(1, 3)], len(pairs))
    links = [Link(ends[a], ends[b], Fraction(r)) for (a, b), r in zip(pairs, rates, strict=True)]
    return build(f"random {seed}", ranks, switches, links), draw


@cache
def every_tree(n, root):
    """List all trees on n ranks out of a root: parents and children, (trees, n - 1) each."""
    others = [rank for rank in range(n) if rank != root]
    found = []
    for parents in product(range(n), repeat=n - 1):
        above = dict(zip(others, parents, strict=True))
        reached = [root]
        for rank in reached:
            reached += [child for child, parent in above.items() if parent == rank]
        if len(reached) == n:
            found.append(parents)
    return np.array(found), np.array([others] * len(found))


class Oracle:
    """What paths and trees between ranks cost under prices."""

    def __init__(self, machine, price):
        graph = nx.DiGraph()
        graph.add_nodes_from(range(machine.vertices))
        for a, b, p in zip(machine.src.tolist(), machine.dst.tolist(), price, strict=True):
            if not graph.has_edge(a, b) or p < graph[a][b]["weight"]:
                graph.add_edge(a, b, weight=p)
        self.ranks = range(machine.ranks)
        self.far = dict(nx.all_pairs_dijkstra_path_length(graph))
        self.matrix = np.array([[self.far[a][b] for b in self.ranks] for a in self.ranks])

    def tree(self, root, inward):
        """Price the cheapest tree that spans all ranks, out of the root or into it."""
        far = self.matrix.T if inward else self.matrix
        parent, child = every_tree(len(self.ranks), root)
        return int(far[parent, child].sum(axis=1).min())

    def pays(self, name, root):
        """Price all that a collective moves, for each byte of its size."""
        n = len(self.ranks)
        out, into = ([self.tree(r, side) for r in self.ranks] for side in (False, True))
        paths = [[self.far[a][b] for b in self.ranks] for a in self.ranks]
        return {
            "all_gather": Fraction(sum(out), n),
            "reduce_scatter": Fraction(sum(into), n),
            "all_reduce": Fraction(min(a + b for a, b in zip(out, into, strict=True))),
            "broadcast": Fraction(out[root]),
            "reduce": Fraction(into[root]),
            "all_to_all": Fraction(sum(map(sum, paths)), n),
            "scatter": Fraction(sum(paths[root]), n),
            "gather": Fraction(sum(row[root] for row in paths), n),
        }[name]


def test_prices_prove_what_the_cheapest_paths_and_trees_cost():
    seen = 0
    for seed in range(MACHINES):
        machine, draw = drawn(seed)
        classes = draw.integers(0, 9, 4).tolist()
        of_link = draw.integers(0, 4, machine.links)
        price = [classes[c] for c in of_link.tolist()]
        certificate = Prices(tuple(map(Fraction, classes)), integers(of_link))
        oracle = Oracle(machine, price)
        takes = sum(c * p for c, p in zip(machine.capacity.tolist(), price, strict=True))
        root = int(draw.integers(machine.ranks))
        for name in COLLECTIVES:
            what = collective(name, range(machine.ranks), root if name in ROOTED else None)
            pays = oracle.pays(name, root)
            if pays == 0:
                with pytest.raises(Unproven, match="for nothing"):
                    prove(machine, what, certificate, trivial(machine))
            else:
                found = prove(machine, what, certificate, trivial(machine))
                assert found == machine.unit * takes / pays, (seed, name)
                seen += 1
    assert seen > 6 * MACHINES


def test_cuts_prove_what_edge_boundaries_say():
    seen = 0
    for seed in range(MACHINES):
        machine, draw = drawn(seed)
        graph = nx.DiGraph()
        graph.add_nodes_from(range(machine.vertices))
        ends = zip(machine.src.tolist(), machine.dst.tolist(), strict=True)
        for (a, b), rate in zip(ends, machine.capacity.tolist(), strict=True):
            known = graph[a][b]["weight"] if graph.has_edge(a, b) else 0
            graph.add_edge(a, b, weight=known + rate)
        inside = set(np.flatnonzero(draw.random(machine.vertices) < 0.5).tolist())
        root = int(draw.integers(machine.ranks))
        for name in COLLECTIVES:
            for turned in (False, True):
                near = set(graph) - inside if turned else inside
                what = collective(name, range(machine.ranks), root if name in ROOTED else None)
                data = must_leave(name, {r for r in near if r < machine.ranks}, root, machine.ranks)
                cut = Cut(integers(sorted(inside)), reversed_links=turned)
                if data == 0:
                    with pytest.raises(Unproven):
                        prove(machine, what, cut, trivial(machine))
                    continue
                width = sum(w for *_, w in nx.edge_boundary(graph, near, data="weight"))
                assert prove(machine, what, cut, trivial(machine)) == machine.unit * width / data
                seen += 1
    assert seen > 6 * MACHINES


def must_leave(name, near, root, n):
    """Count by hand the part of the size that must leave some ranks."""
    k, home = len(near), root in near
    if not 0 < k < n:
        return Fraction(0)
    return {
        "all_gather": Fraction(k, n),
        "reduce_scatter": Fraction(n - k, n),
        "all_reduce": Fraction(1),
        "all_to_all": Fraction(k * (n - k), n),
        "broadcast": Fraction(home),
        "reduce": Fraction(not home),
        "scatter": Fraction((n - k) * home, n),
        "gather": Fraction(k * (not home), n),
    }[name]
