"""A machine built from groups of groups of ranks: a tree of switches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runtime.calibrate.rounds import Unit
from topologies.model.topology import Link, LinkClass, Switch, Topology, build
from topologies.model.units import Rate

RANKS, UPLINKS = "rank", "uplink"


@dataclass(frozen=True)
class Tree:
    """A switch, the ranks at it, and the switches below it."""

    ranks: Unit
    below: tuple["Tree", ...] = ()

    @property
    def all_ranks(self) -> Unit:
        """List the ranks at it and below it."""
        return tuple(sorted((*self.ranks, *(r for tree in self.below for r in tree.all_ranks))))


def grow(units: Sequence[Tree], groups: Sequence[Sequence[int]]) -> list[Tree]:
    """Put a switch above each group of several trees; a rank alone is a tree of one rank."""
    return [
        units[group[0]] if len(group) == 1 else _join([units[unit] for unit in group])
        for group in groups
    ]


def leaf(rank: int) -> Tree:
    """Make the tree of a rank alone, which has no switch."""
    return Tree((rank,))


def _is_leaf(tree: Tree) -> bool:
    return not tree.below and len(tree.ranks) == 1


def _join(trees: Sequence[Tree]) -> Tree:
    ranks = tuple(sorted(tree.ranks[0] for tree in trees if _is_leaf(tree)))
    return Tree(ranks, tuple(tree for tree in trees if not _is_leaf(tree)))


def dissolve(tree: Tree, full: Mapping[Unit, bool]) -> Tree:
    """Leave out the switches whose uplinks nothing fills: they slow nobody down.

    Args:
        tree: as found.
        full: by the ranks below an uplink, whether it can be filled.
    """
    ranks, below = list(tree.ranks), []
    for each in (dissolve(branch, full) for branch in tree.below):
        if full.get(each.all_ranks, True):
            below.append(each)
        else:
            ranks += each.ranks
            below += each.below
    return Tree(tuple(sorted(ranks)), tuple(below))


def straighten(tree: Tree) -> Tree:
    """Put a rank that shares the topmost switch with one other switch alone at that one."""
    if len(tree.ranks) != 1 or len(tree.below) != 1:
        return tree
    (only,) = tree.below
    return Tree(tuple(sorted((*tree.ranks, *only.ranks))), only.below)


def machine(tree: Tree, names: Sequence[str], name: str, rough: Rate) -> Topology:
    """Build the topology of a tree, whose links all have a rough rate.

    The links of ranks are of one class, the uplinks of each tier, counted from below, of another.
    """
    switches: list[Switch] = []
    links: list[Link] = []
    if len(tree.below) == 2 and not tree.ranks:
        # A switch between two others only is a part of the link between them.
        (one, low), (other, high) = (
            _lay(each, names, rough, switches, links) for each in tree.below
        )
        links.append(Link(one, other, rough, duplex=True, link_class=max(low, high)))
    else:
        _lay(tree, names, rough, switches, links)
    most = max((link.link_class for link in links), default=0)
    classes = [
        LinkClass(RANKS, 1),
        *(LinkClass(f"{UPLINKS}-{k}", k + 1) for k in range(1, most + 1)),
    ]
    return build(name, names, switches, links, classes=classes)


def _lay(
    tree: Tree, names: Sequence[str], rough: Rate, switches: list[Switch], links: list[Link]
) -> tuple[str, int]:
    """Lay out the switch of a tree and what is below it; give its name, and its tier from below."""
    below = [_lay(each, names, rough, switches, links) for each in tree.below]
    own, tier = f"s{len(switches)}", 1 + max((tier for _, tier in below), default=0)
    switches.append(Switch(own))
    links += [Link(names[rank], own, rough, duplex=True, link_class=0) for rank in tree.ranks]
    links += [Link(other, own, rough, duplex=True, link_class=under) for other, under in below]
    return own, tier
