"""Schedules and bounds of dispatch and combine: a copy for each rank, or one for each box.

A token that visits several ranks of a box need cross to it once: a rank of the box takes it in and
hands it to the others; on the way back that rank adds up what the others made of it.
"""

from collections.abc import Iterator
from dataclasses import replace
from heapq import heapreplace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from solvers.bounds.demand_cuts import candidate_cuts
from solvers.certify.certificates import prove
from solvers.lp.linear_program import Infeasible
from solvers.routing.partitions import Boxes, list_partitions
from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound, Cut
from solvers.schedules.collective import Collective
from solvers.schedules.moe import Tokens, tokens_of
from solvers.schedules.piece_loads import crossing_times
from solvers.schedules.schedule import Schedule, trivial_schedule
from solvers.settings.deadline import Watch
from solvers.templates.direct import in_trees
from solvers.templates.layout import Sends, TemplateError, blocks, lay_out
from topologies.model.ragged import earlier
from topologies.model.topology import IntArray, Topology, integers
from topologies.symmetry.group import Group, trivial

EACH = "a copy for each rank"
TREES = "sums on the shortest ways"
BOXES_RANKS = 2**22  # tokens times ranks up to which copies for boxes are tried


def route_tokens(
    topology: Topology, collective: Collective, group: Group, watch: Watch
) -> Schedule:
    """Take the way of spreading that loads the busiest link least, and the tightest cut as bound.

    The group is not used: the demand has no symmetry. Nothing says that no other way is better; the
    bound says by how much at most.

    Args:
        topology: the machine.
        collective: a dispatch or a combine.
        group: is not used.
        watch: says when to stop.

    Raises:
        Infeasible: some rank cannot be reached.
    """
    bound = tightest_cut(topology, collective)
    if bound.algbw is None:
        return trivial_schedule(topology, collective)
    best: tuple[float, Schedule] | None = None
    seen: list[tuple[str, dict[str, Any]]] = []
    for name, made in variants(topology, collective, bound):
        seen.append((name, {part: getattr(made, part) for part in _OWN}))
        weight = (collective.sizes / collective.total)[made.block]
        time = float(crossing_times(made, weight).max(initial=0.0))
        if best is None or time < best[0]:
            best = time, replace(made, provenance=made.provenance | {"order": name})
        if watch.over:
            break
    else:
        _MADE[collective] = topology, tuple(seen)
    return best[1] if best else first_variant(topology, collective, bound)


def first_variant(topology: Topology, collective: Collective, bound: Bound) -> Schedule:
    """Make the first way of spreading that there is.

    Raises:
        Infeasible: some rank cannot be reached.
    """
    for _, made in variants(topology, collective, bound):
        return made
    raise Infeasible(f"{collective.name}: no path leads to every rank")


def list_variants(found: Schedule) -> Iterator[tuple[str, Schedule]]:
    """List all ways of spreading; they are looked up where `route_tokens` has made them."""
    machine, what, bound = found.topology, found.collective, found.bound
    where, made = _MADE.get(what, (None, ()))
    if where is not machine:
        yield from variants(machine, what, bound)
    for name, own in made if where is machine else ():
        yield name, Schedule(topology=machine, collective=what, bound=bound, **own)


# The ways of spreading that were made, as long as the collective lives: without what refers to it.
_OWN = ("block", "share", "transfers", "group", "provenance", "in_network", "relays")
_MADE: WeakKeyDictionary[Collective, tuple[Topology, tuple[tuple[str, dict[str, Any]], ...]]] = (
    WeakKeyDictionary()
)


def variants(
    topology: Topology, collective: Collective, bound: Bound
) -> Iterator[tuple[str, Schedule]]:
    """Make every way of spreading that the machine allows.

    That is a copy for each rank (where ranks relay sums add up on their ways) and, for each path to
    part the machine into boxes, one for each box: tokens enter it at the rank with the number of
    their home in its own box, at the first rank from there on that they visit, or, the largest
    blocks first, at the rank that takes in the least so far.
    """
    tokens = tokens_of(collective)
    paths = [(EACH, _sends(collective, tokens, None, None))]
    if tokens.visits.size <= BOXES_RANKS:
        for parted in list_partitions(topology, collective.ranks):
            box, number = _places(collective, parted)
            for name, entry in (
                ("by number", _enter_by_number(tokens, parted, box, number)),
                ("where it visits", _enter_visited(tokens, parted, box, number)),
                ("balanced", _enter_balanced(tokens, parted, box)),
            ):
                sends = _sends(collective, tokens, box, entry)
                paths.append((f"a copy for each of {len(parted)} boxes, {name}", sends))
    for name, sends in paths:
        routes, pieces = Router(topology), blocks(collective)
        try:
            yield name, lay_out(name, routes, collective, pieces, sends, bound, sparing=False)
        except TemplateError:
            if name == EACH and collective.name == "combine":
                yield _sum_on_the_way(topology, collective, sends[0], bound)


def _sum_on_the_way(
    topology: Topology, collective: Collective, sends: Sends, bound: Bound
) -> tuple[str, Schedule]:
    """Bring parts of sums home where they meet on their ways.

    Ranks outside may not add: there one part of a sum goes after the other. Without any, all that
    meets is added up where it does.

    Raises:
        RouteError, TemplateError: two ranks are not joined.
    """
    routes, pieces = Router(topology), blocks(collective)
    if len(collective.ranks) == topology.ranks:
        trees = in_trees(routes, collective)
        return TREES, lay_out(TREES, routes, collective, pieces, trees, bound)
    parts = _one_by_one(routes, collective, sends)
    return EACH, lay_out(EACH, routes, collective, pieces, parts, bound, sparing=False)


def _one_by_one(routes: Router, collective: Collective, sends: Sends) -> list[Sends]:
    """Let each part of a sum go to the first rank on its way that has a part too, or home.

    That rank adds what comes, and sends one part on: of each sum a part in a round, the farthest
    from home first.

    Raises:
        RouteError: two ranks are not joined.
    """
    holders = [set(ranks.tolist()) for ranks in collective.holders]
    rows: list[tuple[int, int, int, int]] = []
    columns = (column.tolist() for column in (sends.piece, sends.src, sends.dst))
    for piece, src, home in zip(*columns, strict=True):
        end = _first_holder(routes, src, home, holders[piece])
        rows.append((-len(routes.path(src, home)), piece, src, end))
    rows.sort()
    _, piece, src, dst = np.array(rows).T
    turn = earlier(piece)
    return [
        Sends(k, piece[chosen], src[chosen], dst[chosen], reduce=True)
        for k in range(int(turn.max(initial=-1)) + 1)
        for chosen in (np.flatnonzero(turn == k),)
    ]


def _first_holder(routes: Router, src: int, home: int, holders: set[int]) -> int:
    """Find the rank nearest on the way home that holds a part, or home; none is on the way there.

    Paths to a rank in between may be others than that past it, and lead by another holder.
    """
    end = home
    while nearer := [hop.dst for hop in routes.path(src, end)[:-1] if hop.dst in holders]:
        end = nearer[0]
    return end


def _places(collective: Collective, parted: Boxes) -> tuple[IntArray, IntArray]:
    """Compute the box of each rank, and its number there, by the places in the list of ranks."""
    ranks = np.array(collective.ranks)
    box, number = np.empty((2, len(ranks)), dtype=np.int64)
    for i, members in enumerate(parted):
        own = np.searchsorted(ranks, members)
        box[own], number[own] = i, np.arange(len(members))
    return box, number


def _enter_by_number(tokens: Tokens, parted: Boxes, box: IntArray, number: IntArray) -> IntArray:
    """Let tokens enter each box at the number that their home has: (rows, boxes) of places."""
    place = {(int(b), int(i)): p for p, (b, i) in enumerate(zip(box, number, strict=True))}
    table = np.array(
        [[place[b, int(i) % len(m)] for b, m in enumerate(parted)] for i in range(len(box))]
    )
    return np.asarray(table[number[tokens.home]])


def _enter_visited(tokens: Tokens, parted: Boxes, box: IntArray, number: IntArray) -> IntArray:
    """Let tokens enter each box at a rank that they visit, the first from their number on."""
    entry = np.zeros((len(tokens.home), len(parted)), dtype=np.int64)
    for b, members in enumerate(parted):
        own = np.flatnonzero(box == b)
        far = (number[own] - number[tokens.home][:, None]) % len(members)
        entry[:, b] = own[np.argmin(np.where(tokens.visits[:, own], far, len(members)), axis=1)]
    return entry


def _enter_balanced(tokens: Tokens, parted: Boxes, box: IntArray) -> IntArray:
    """Let tokens enter each box at the rank that has taken in the least: (rows, boxes)."""
    entry = np.zeros((len(tokens.home), len(parted)), dtype=np.int64)
    largest_first = np.argsort(-tokens.sizes, kind="stable")
    for b in range(len(parted)):
        own = np.flatnonzero(box == b)
        crossing = tokens.visits[:, own].any(axis=1) & (box[tokens.home] != b)
        taken = [(0, int(place)) for place in own]
        for row in largest_first[crossing[largest_first]].tolist():
            least, place = taken[0]
            entry[row, b] = place
            heapreplace(taken, (least + int(tokens.sizes[row]), place))
    return entry


def _sends(
    collective: Collective, tokens: Tokens, box: IntArray | None, entry: IntArray | None
) -> list[Sends]:
    """Write the sends of a dispatch, or those of a combine: turned round, adding.

    With boxes tokens cross between them in the first round, and spread in the second.
    """
    row, dst = np.nonzero(tokens.visits)
    src = tokens.home[row]
    rounds: list[tuple[IntArray, IntArray, IntArray]] = [(row, src, dst)]
    if box is not None and entry is not None:
        far = box[src] != box[dst]
        pairs = np.unique(np.stack([row[far], box[dst[far]]]), axis=1)
        into = np.where(far, entry[row, box[dst]], src)
        rounds = [(pairs[0], tokens.home[pairs[0]], entry[tuple(pairs)]), (row, into, dst)]
    adds = collective.name == "combine"
    made = []
    ranks = np.array(collective.ranks)
    for number, (piece, a, b) in enumerate(rounds[::-1] if adds else rounds):
        moves = a != b
        src, dst = (b, a) if adds else (a, b)
        made.append(Sends(number, piece[moves], ranks[src[moves]], ranks[dst[moves]], adds))
    return made


def tightest_cut(topology: Topology, collective: Collective) -> Bound:
    """Compute the best bound of the cuts around single ranks and around tiers.

    A block that must enter a set, or leave it, does so once, however many ranks there it visits.
    Complexity: blocks × ranks for each tier.
    """
    tokens, ranks = tokens_of(collective), np.array(collective.ranks)
    best: tuple[float, Cut] | None = None
    for label in candidate_cuts(topology):
        sets, at = np.unique(label[ranks], return_inverse=True)
        there = tokens.visits.astype(np.float32) @ np.eye(len(sets), dtype=np.float32)[at] > 0
        own = at[tokens.home]
        there[np.arange(len(own)), own] = False
        into = tokens.sizes @ there
        outof = np.bincount(own, tokens.sizes * there.any(axis=1), minlength=len(sets))
        sides = (outof, into) if collective.name == "dispatch" else (into, outof)
        crossing = label[topology.src] != label[topology.dst]
        for enters, (ends, must) in enumerate(
            zip((topology.src, topology.dst), sides, strict=True)
        ):
            room = np.bincount(
                label[ends[crossing]], topology.capacity[crossing], int(label.max()) + 1
            )[sets]
            if ((must > 0) & (room == 0)).any():
                raise Infeasible(f"{collective.name}: a rank cannot be reached")
            time = must / np.maximum(room, 1)
            worst = int(np.argmax(time))
            if time[worst] > 0 and (best is None or time[worst] > best[0]):
                members = integers(np.flatnonzero(label == sets[worst]))
                best = float(time[worst]), Cut(members, reversed_links=bool(enters))
    if best is None:
        return replace(UNPROVED, scope="cut")
    rate = prove(topology, collective, best[1], trivial(topology))
    return Bound(rate, "cut", best[1])
