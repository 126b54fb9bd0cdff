"""What measures, as a value that can be simulated, and what it has measured so far."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Protocol

import numpy as np

from runtime.calibrate.model.wires import Wires
from runtime.calibrate.readings import Pair, Pairs, Ping, Reading, Round
from runtime.calibrate.rounds import matchings
from topologies.model.topology import FloatArray

ALONE = 20  # ranks up to which each pair is pinged while the others are quiet
PING_ROUNDS = 64  # of more ranks: so many rounds, in which all are pinged


class Probe(Protocol):
    """What measures: processes, or a simulation of them."""

    @property
    def names(self) -> Sequence[str]:
        """Name the ranks."""

    def ping(self, rounds: Sequence[Sequence[Pair]]) -> list[list[Ping]]:
        """Measure small messages between pairs, those of a round at the same time."""

    def stream(self, rounds: Sequence[Round]) -> list[list[float]]:
        """Measure what flows carry, those of a round at the same time: bytes per second."""

    def spent(self) -> float:
        """Tell which part of the time that there is has gone."""


class Log:
    """Streams through a probe, and remembers all."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.rounds = 0
        # By the pairs of a round, what its flows carried, pass by pass.
        self.seen: dict[Pairs, list[list[float]]] = defaultdict(list)

    def stream(self, rounds: Sequence[Round]) -> list[list[float]]:
        """Measure rounds once; give what each flow carried."""
        found = self.probe.stream(rounds)
        for each, rates in zip(rounds, found, strict=True):
            self.seen[tuple(flow.pair for flow in each)].append(rates)
        self.rounds += len(rounds)
        return found

    def of(self, net: Wires) -> list[Reading]:
        """List what was measured of flows whose ways are sure."""
        return [
            Reading(pairs, np.array(rates))
            for pairs, rates in self.seen.items()
            if all(pair in net.ways for pair in pairs)
        ]


def measure_pings(probe: Probe) -> dict[Pair, Ping]:
    """Ping each pair by itself; of many ranks, all at once in rounds of pairs."""
    rounds = list(islice(matchings(len(probe.names)), PING_ROUNDS))
    if len(probe.names) <= ALONE:
        rounds = [[pair] for each in rounds for pair in each]
    found: dict[Pair, Ping] = {}
    for pairs, pings in zip(rounds, probe.ping(rounds), strict=True):
        found |= dict(zip(pairs, pings, strict=True))
    return found


def rough_rates(pings: Mapping[Pair, Ping], ranks: int) -> FloatArray:
    """Give the best rate that each rank showed with any other."""
    found = np.ones(ranks)
    for pair, ping in pings.items():
        for rank in pair:
            found[rank] = max(found[rank], ping.rate)
    return found
