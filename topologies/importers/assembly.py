"""From a draft whose figures are complete to a machine."""

from collections import Counter
from dataclasses import replace

from topologies.importers.draft import NETWORK, RANK, UPLINK, Cable, Draft
from topologies.model import reachability
from topologies.model.topology import Link, LinkClass, Switch, Topology, TopologyError, build
from topologies.model.units import Rate

_LAYERS = {"SIO": 0, NETWORK: 2, UPLINK: 2}


def machine(draft: Draft) -> Topology:
    """Make the machine of a draft.

    Raises:
        TopologyError: it is none; a sentence for each reason.
    Complexity: linear.
    """
    ranks = [each for each in draft.vertices if each.role == RANK]
    others = [each for each in draft.vertices if each.role != RANK]
    classes = list(dict.fromkeys(map(link_class, draft.cables)))
    number = {each: i for i, each in enumerate(classes)}
    made = build(
        draft.name,
        [each.name for each in ranks],
        [Switch(each.name, each.copies, each.copies, each.kind) for each in others],
        [_link(cable, number[link_class(cable)]) for cable in draft.cables],
        kinds=[each.kind for each in ranks],
        classes=_tell_apart(classes),
    )
    if faults := reachability.faults_undirected(made):
        raise TopologyError(faults)
    return made


def link_class(cable: Cable) -> LinkClass:
    """Make the class of a cable: its medium, and the evidence for its rate."""
    return LinkClass(cable.medium, _LAYERS.get(cable.base, 1), cable.source, cable.evidence)


def _tell_apart(classes: list[LinkClass]) -> list[LinkClass]:
    """Write a number behind a name that is taken: in files it tells which class is meant."""
    seen: Counter[str] = Counter()
    made = []
    for each in classes:
        seen[each.name] += 1
        again = seen[each.name]
        made.append(replace(each, name=f"{each.name} ({again})") if again > 1 else each)
    return made


def _link(cable: Cable, number: int) -> Link:
    rate, alpha = cable.rate or Rate(0), cable.alpha or 0.0
    return Link(cable.src, cable.dst, rate, alpha, cable.duplex, number, cable.plane)
