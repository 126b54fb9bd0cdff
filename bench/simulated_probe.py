"""Processes that measure on a machine that is only computed: uneven shares, noise, hold-ups."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from runtime.calibrate.model.fair import passes
from runtime.calibrate.model.wires import wires
from runtime.calibrate.readings import Flow, Pair, Ping, Round
from runtime.fabric.routes import next_hops
from solvers.routing.by_destination import follow
from topologies.model.topology import BoolArray, FloatArray, Topology
from topologies.model.units import Seconds

NOISE = 0.01  # of rates and times, unless said otherwise
UNEVEN = 0.3  # standard deviation of the logarithm of what flows get of a full cable
BURST = 1.17  # times what it can do for long, that a cable carries from its buffers at first
LATE = 0.02  # of the rounds, in which a hold-up lets one flow seem twice as fast


class SimulatedProbe:
    """A probe whose flows share full cables unevenly; the budget is a number of rounds.

    Rates are spread by `noise` of themselves. In a part of the rounds, the same ones in each pass,
    one flow is counted while the buffers on its way still fill: `bursts`.
    """

    def __init__(
        self,
        truth: Topology,
        budget: int = 400,
        overhead: Seconds = 5e-6,
        seed: int = 1,
        noise: float = NOISE,
        bursts: float = 0.0,
    ) -> None:
        self.net, self.budget, self.overhead = wires(truth), budget, overhead
        self.noise, self.bursts = noise, bursts
        self.names = truth.names[: truth.ranks]
        self.rounds = 0
        self.draw = np.random.default_rng(seed)
        self.alpha = np.zeros(self.net.cables)
        self.alpha[self.net.cable] = truth.alpha
        number = {tuple(ends): cable for cable, ends in enumerate(self.net.ends.tolist())}
        self.hops, self.number = next_hops(truth), number

    def way(self, src: int, dst: int) -> tuple[int, ...]:
        """List the cables between two ranks."""
        return tuple(self.number[ends] for ends in pairwise(follow(self.hops, src, dst)))

    def ping(self, rounds: Sequence[Sequence[Pair]]) -> list[list[Ping]]:
        """Compute what small messages take."""
        return [[self.ping_one(*pair) for pair in each] for each in rounds]

    def ping_one(self, src: int, dst: int) -> Ping:
        """Compute what small messages of a pair take."""
        way = list(self.way(src, dst))
        late = 2 * self.overhead + self.alpha[way].sum()
        late *= 1 + NOISE * abs(self.draw.normal())
        return Ping(late, self.overhead, 0.8 * self.net.stated[way].min())

    def stream(self, rounds: Sequence[Round]) -> list[list[float]]:
        """Compute what the flows of rounds carry."""
        self.rounds += len(rounds)
        return [self.stream_one(each).tolist() for each in rounds]

    def stream_one(self, flows: Sequence[Flow]) -> FloatArray:
        """Compute what the flows of a round carry."""
        passing = passes([self.way(*flow.pair) for flow in flows], self.net.cables)
        weight = np.exp(UNEVEN * self.draw.normal(size=len(flows)))
        rates = share(passing, weight, self.net.stated)
        rates *= 1 - self.noise * np.abs(self.draw.normal(size=len(flows)))
        same = np.random.default_rng([flow.src * 1000 + flow.dst for flow in flows])
        if same.random() < self.bursts:
            rates[same.integers(len(flows))] *= BURST
        if self.draw.random() < LATE:
            rates[self.draw.integers(len(flows))] *= 2
        return rates

    def spent(self) -> float:
        """Tell which part of the rounds has gone."""
        return self.rounds / self.budget


def share(passing: BoolArray, weight: FloatArray, capacity: FloatArray) -> FloatArray:
    """Fill cables with flows of unequal weights, one full cable after the other."""
    rates, active, left = np.zeros(len(weight)), np.ones(len(weight), bool), capacity.copy()
    while active.any():
        weights = (passing * weight[:, None])[active].sum(axis=0)
        level = np.divide(left, weights, out=np.full(len(left), np.inf), where=weights > 0)
        stopped = active & passing[:, level <= level.min() * (1 + 1e-9)].any(axis=1)
        rates[stopped] = level.min() * weight[stopped]
        left = np.maximum(left - (passing * rates[:, None])[stopped].sum(axis=0), 0)
        active &= ~stopped
    return rates
