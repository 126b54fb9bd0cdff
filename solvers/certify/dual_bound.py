"""What link prices prove: the least that the blocks must pay, over what the links can take in."""

from fractions import Fraction
from math import lcm

import numpy as np

from solvers.certify.distances import UNREACHED, distances_between, hops
from solvers.certify.hop_constrained import hop_constrained_bound
from solvers.certify.place_bound import payments, too_large
from solvers.certify.steiner import steiner_bound
from solvers.schedules.capabilities import Relays, mark_branching
from solvers.schedules.certificate import Prices
from solvers.schedules.collective import Collective
from topologies.model.errors import NO, CommplanError
from topologies.model.reachability import connected_parts
from topologies.model.topology import BoolArray, IntArray, Topology, integers
from topologies.model.units import Rate
from topologies.symmetry.group import Group, link_images, orbits

BRANCHING_LIMIT = 1024  # vertices at which a tree may branch, above which we price none
MOST_PAIRS = 4096  # ranks up to which prices between all pairs are looked at
UNREACHABLE = "a rank cannot be reached"


class Unproven(CommplanError, ValueError):
    """A certificate that does not prove anything."""

    exit_code = NO


def prove_by_prices(
    topology: Topology,
    collective: Collective,
    certificate: Prices,
    group: Group,
    *,
    in_network: bool = False,
    relays: Relays = "all",
) -> Rate:
    """Compute the size / time in bytes per second that no schedule can beat, by LP duality.

    All links together take in capacity × price per second; each block pays at least for its
    cheapest path or tree. Trees branch at ranks, those outside the collective only with the relays
    "all", and with `in_network` at switches too: as out of a root where they copy, into a root
    where they add. Of bounded height, trees branch at all ranks: what is proved holds for fewer.
    The group must keep machine and collective; it saves work where it keeps the prices too.

    Args:
        topology: the machine.
        collective: what is to be done.
        certificate: the prices.
        group: automorphisms that keep both.
        in_network: whether the bound must hold although switches copy and add.
        relays: what ranks outside the collective may do.

    Raises:
        Unproven: the prices are malformed or prove nothing.
    """
    pays = payment(topology, collective, certificate, group, in_network=in_network, relays=relays)
    if pays == 0:
        raise Unproven("the blocks can go where they must for nothing")
    return topology.unit * (income(topology, certificate) / pays)


def income(topology: Topology, certificate: Prices) -> Fraction:
    """Add up what all links take in under the prices, scaled as those of `payment`, in a second.

    Raises:
        Unproven: the prices are malformed.
    """
    price = link_prices(topology, certificate)
    return Fraction(sum(c * p for c, p in zip(topology.capacity.tolist(), price, strict=True)))


def payment(
    topology: Topology,
    collective: Collective,
    certificate: Prices,
    group: Group,
    *,
    in_network: bool = False,
    relays: Relays = "all",
) -> Fraction:
    """Compute what a collective pays at least for each byte of size; see `prove_by_prices`.

    Raises:
        Unproven: the prices are malformed, or a rank cannot be reached.
    """
    if certificate.height is not None and certificate.height < 1:
        raise Unproven(f"a height of {certificate.height}, expected 1 or more")
    price = link_prices(topology, certificate)
    if certificate.height is not None:
        relays = "all"
    if topology.ranks > MOST_PAIRS and certificate.height is None and not in_network:
        return _pays_at_least(topology, collective, group, price)
    able = mark_branching(topology, collective.ranks, relays, in_network=in_network)
    ends = topology.vertices if in_network else topology.ranks
    payments = _Payments(topology, collective, group, price, able, ends, certificate.height)
    return payments.total()


def _pays_at_least(
    topology: Topology, what: Collective, group: Group, price: list[int]
) -> Fraction:
    """Add up what the blocks pay at least, where there are too many pairs of ranks to look at.

    Raises:
        Unproven: blocks are of another kind than copies to all ranks, and sums of all.
    """
    group = _group_that_keeps(topology, group, price)
    orbit = orbits(group.generators, topology.vertices)
    if reason := too_large(price, topology, orbit):
        raise Unproven(reason)
    holders, wanters = what.counts
    everyone = topology.ranks
    out, into = (holders == 1) & (wanters == everyone), (holders == everyone) & (wanters == 1)
    both = (holders == everyone) & (wanters == everyone)
    if not (out | into | both).all():
        raise Unproven("prices prove nothing of so many ranks, but for copies and sums of all")
    found = [payments(topology, price, orbit, inward=inward) for inward in (False, True)]
    if found[0] is None or found[1] is None:
        raise Unproven(UNREACHABLE)
    units = int(min(found[0] + found[1])) * int(what.sizes[both].sum())
    for side, blocks, pays in ((0, out, found[0]), (1, into, found[1])):
        owners, chosen = what.owners[side], np.flatnonzero(blocks)
        if len(chosen):
            root = owners.rank[owners.start[chosen]]
            units += int((pays[root] * what.sizes[chosen]).sum())
    return Fraction(units, what.total)


def link_prices(topology: Topology, certificate: Prices) -> list[int]:
    """Check the prices and scale them to whole numbers, one for each link.

    The scale does not matter: it divides out.

    Raises:
        Unproven: they are not those of a machine with these links.
    """
    classes, of_link = certificate.of_class, certificate.of_link
    if of_link.shape != (topology.links,):
        raise Unproven(f"prices for {len(of_link)} links, the topology has {topology.links}")
    if not len(of_link) or of_link.min() < 0 or of_link.max() >= len(classes):
        raise Unproven(f"a link is of no price class (there are {len(classes)})")
    if min(classes) < 0:
        raise Unproven(f"price {min(classes)}, expected 0 or more")
    scale = lcm(*(price.denominator for price in classes))
    whole = [int(price * scale) for price in classes]
    return [whole[c] for c in of_link.tolist()]


class _Payments:
    """The least that the blocks of a collective pay under given prices.

    where orbit labels the orbits of vertices, under a group that keeps prices and collective:
    blocks whose only holder, or only wanter, lie in one orbit pay the same.
    able: who copies, and who adds. ends: vertices below this may be ends of a message.
    height: of schedules, if it is bounded. distance: between vertices over any others. message:
    over what is no end of a message, where these are counted.
    """

    def __init__(
        self,
        topology: Topology,
        collective: Collective,
        group: Group,
        price: list[int],
        able: tuple[BoolArray, BoolArray],
        ends: int,
        height: int | None,
    ) -> None:
        self.topology, self.what, self.height = topology, collective, height
        group = _group_that_keeps(topology, group, price)
        self.generators = group.generators
        self.orbit = orbits(self.generators, self.topology.vertices)
        self.copies = able[0]
        self.relays = _relays(topology, able[0]), _relays(topology, able[1])
        if height is None:
            places = _places(topology, price)
            copies, adds = self.relays
            self.relays = _one_of_each(copies, adds, places), _one_of_each(adds, copies, places)
        sources = np.unique(np.concatenate([collective.ranks, *self.relays]))
        self.distance = distances_between(topology, price, group, self.orbit, ends, sources)
        self.message = self.distance
        if height is not None:
            self.message = distances_between(
                topology, price, group, self.orbit, ends, sources, direct=True
            )
        self.weight = np.bincount(self.orbit)
        self.leader = np.unique(self.orbit, return_index=True)[1]

    def total(self) -> Fraction:
        """Add up over all blocks, for each byte of size."""
        holders, wanters = self.what.counts
        paths = (holders == 1) & (wanters == 1)
        out, into = (holders == 1) & (wanters > 1), (holders > 1) & (wanters == 1)
        units = self._paths(np.flatnonzero(paths))
        if out.any():
            units += self._trees(np.flatnonzero(out), self.what.holders, self.what.wanters, False)
        if into.any():
            units += self._trees(np.flatnonzero(into), self.what.wanters, self.what.holders, True)
        for block in np.flatnonzero((holders > 1) & (wanters > 1)).tolist():
            units += int(self.what.sizes[block]) * self._through_a_root(block)
        return Fraction(units, self.what.total)

    def _paths(self, blocks: IntArray) -> int:
        """Price blocks with one holder and one wanter."""
        holder, wanter = (owners.rank[owners.start[blocks]] for owners in self.what.owners)
        leads = self.leader[self.orbit[holder]] == holder
        holder, wanter, blocks = holder[leads], wanter[leads], blocks[leads]
        price = self.distance[holder, wanter]
        if (price == UNREACHED).any():
            raise Unproven(UNREACHABLE)
        paid = price.astype(object) * self.what.sizes[blocks] * self.weight[self.orbit[holder]]
        return int(paid.sum())

    def _trees(
        self,
        blocks: IntArray,
        roots: tuple[IntArray, ...],
        ends: tuple[IntArray, ...],
        inward: bool,
    ) -> int:
        """Price blocks that go from one root to many ends, or inward from the ends to the root."""
        known: dict[tuple[int, bytes], int] = {}
        units = 0
        for block in blocks.tolist():
            root = int(roots[block][0])
            if self.leader[self.orbit[root]] == root:
                key = root, ends[block].tobytes()
                if key not in known:
                    known[key] = self._tree(root, ends[block], inward, self.height)
                size = int(self.what.sizes[block]) * int(self.weight[self.orbit[root]])
                units += known[key] * size
        return units

    def _through_a_root(self, block: int) -> int:
        """Price a sum for many: the cheapest pair of a tree into a root and a tree out of it.

        The root is where the sum is complete, so it adds. Where it cannot copy, the sum goes on as
        one message to a vertex that can. A bounded height is split between the two trees.
        """
        tried = [self._in_and_out(block, *heights) for heights in self._splits()]
        found = [price for price in tried if price is not None]
        if not found:
            raise Unproven(UNREACHABLE)
        return min(found)

    def _splits(self) -> list[tuple[int | None, int | None]]:
        """List how high the two trees of a sum may be, inward and outward."""
        if self.height is None:
            return [(None, None)]
        if self.height < 2:
            raise Unproven("a sum for many takes two messages at least")
        return [(self.height - out, out) for out in range(1, self.height)]

    def _in_and_out(self, block: int, into: int | None, out: int | None) -> int | None:
        """Price a pair of trees of these heights, None where there is none."""
        holders, wanters = self.what.holders[block], self.what.wanters[block]
        lead = np.arange(self.topology.vertices)
        if all(np.isin(self.generators[:, ends], ends).all() for ends in (holders, wanters)):
            lead = self.leader[self.orbit]
        ends = np.union1d(holders, wanters)
        if into is None and self._same_both_ways(ends, holders, wanters):
            lead = np.full_like(lead, ends[0])
        spreading = np.union1d(self.relays[False], ends)
        spread = {
            root: self._tree(root, wanters, False, out)
            for root in np.unique(lead[spreading]).tolist()
            if self._reaches(root, wanters, False, out)
        }
        found = []
        for root in np.unique(lead[np.union1d(self.relays[True], ends)]).tolist():
            starts = [root] if self.copies[root] else spreading.tolist()
            going = [
                int(self.distance[root, start]) + spread[int(lead[start])]
                for start in starts
                if lead[start] in spread and self.distance[root, start] != UNREACHED
            ]
            if going and self._reaches(root, holders, True, into):
                found.append(self._tree(root, holders, True, into) + min(going))
        return min(found, default=None)

    def _same_both_ways(self, ends: IntArray, holders: IntArray, wanters: IntArray) -> bool:
        """Tell whether the trees of every root cost the same.

        Where all hold and want a sum and only they branch, and no way costs more than the way back,
        any spanning tree leads into every root and out of it, each time for the same price.
        """
        every = len(ends) == len(holders) == len(wanters)
        inside = np.isin(np.concatenate(self.relays), ends).all() and self.copies[ends].all()
        return bool(every and inside and np.array_equal(self.distance, self.distance.T))

    def _reaches(self, root: int, ends: IntArray, inward: bool, height: int | None) -> bool:
        """Tell whether the root reaches the ends, or they the root, in so many messages."""
        if height is None:
            paths = self.distance[ends, root] if inward else self.distance[root, ends]
            return bool((paths != UNREACHED).all())
        arcs = np.where(self.message == UNREACHED, np.inf, 0.0)
        return bool((hops(arcs.T if inward else arcs, root)[ends] <= height).all())

    def _tree(self, root: int, ends: IntArray, inward: bool, height: int | None) -> int:
        """Price the cheapest tree that spans root and ends, over others that copy (or add).

        What only forwards is in the distances already; what branches is a vertex of the tree.
        Of bounded height that is a lower bound.
        """
        if not self._reaches(root, ends, inward, height):
            raise Unproven(UNREACHABLE)
        must = np.union1d(ends, integers([root]))
        members = np.union1d(must, self.relays[inward])
        if len(members) > max(BRANCHING_LIMIT, len(must)):
            raise Unproven(f"{len(members) - len(must)} vertices that need no data could branch")
        cost = (self.distance if height is None else self.message)[np.ix_(members, members)]
        cost = cost.T if inward else cost
        # Where an arc is missing, a tree without it is cheaper, or its end is of no use.
        never = (int(cost.max()) + 1) * len(members)
        exact = cost.astype(object) if never >= 2**60 else cost
        exact = np.where(exact == UNREACHED, never, exact)
        np.fill_diagonal(exact, never)
        start, needed = int(np.searchsorted(members, root)), np.isin(members, must)
        if height is None:
            return int(steiner_bound(exact, start, needed))
        return int(hop_constrained_bound(exact, start, needed, height))


def _relays(topology: Topology, able: BoolArray) -> IntArray:
    """List the vertices that are able to branch and can both receive and send."""
    both = np.intersect1d(topology.src, topology.dst)
    return both[able[both]]


def _places(topology: Topology, price: list[int]) -> IntArray:
    """Tell the place of each vertex: those that reach each other for nothing share one."""
    free = np.array([not each for each in price], dtype=np.bool_)
    return connected_parts(topology, free, strong=True)


def _one_of_each(relays: IntArray, others: IntArray, places: IntArray) -> IntArray:
    """Keep one relay at each place, if there is one, of those that do both where others do.

    A tree may branch at any of those at a place for the same price.
    """
    both = np.isin(relays, others)
    order = np.argsort(~both, kind="stable")
    return np.sort(relays[order][np.unique(places[relays[order]], return_index=True)[1]])


def _group_that_keeps(topology: Topology, group: Group, price: list[int]) -> Group:
    """Give the group if it keeps the prices, else the group that moves nothing."""
    column = np.array(price, dtype=object)
    images = link_images(topology, group.generators)
    kept = all((column[image] == column).all() for image in images)
    return group if kept else Group(group.generators[:0])
