"""Processes that measure on a machine that is only computed: uneven shares, noise, hold-ups."""

from itertools import pairwise

import numpy as np

from runtime.calibrate.model.fair import passes
from runtime.calibrate.model.wires import wires
from runtime.calibrate.readings import Ping
from runtime.fabric.routes import follow, next_hops

NOISE = 0.01  # of rates and times
UNEVEN = 0.3  # standard deviation of the logarithm of what flows get of a full cable
LATE = 0.02  # of the rounds, in which a hold-up lets one flow seem twice as fast


class SimulatedProbe:
    """A probe whose flows share full cables unevenly; the budget is a number of rounds."""

    def __init__(self, truth, budget=400, overhead=5e-6):
        self.net, self.budget, self.overhead = wires(truth), budget, overhead
        self.names = truth.names[: truth.ranks]
        self.rounds = 0
        self.draw = np.random.default_rng(1)
        self.alpha = np.zeros(self.net.cables)
        self.alpha[self.net.cable] = truth.alpha
        number = {tuple(ends): cable for cable, ends in enumerate(self.net.ends.tolist())}
        self.hops, self.number = next_hops(truth), number

    def way(self, src, dst):
        path = follow(self.hops, src, dst)
        return [self.number[ends] for ends in pairwise(path)]

    def ping(self, rounds):
        return [[self.ping_one(*pair) for pair in each] for each in rounds]

    def ping_one(self, src, dst):
        way = self.way(src, dst)
        late = 2 * self.overhead + self.alpha[way].sum()
        late *= 1 + NOISE * abs(self.draw.normal())
        return Ping(late, self.overhead, 0.8 * self.net.stated[way].min())

    def stream(self, rounds):
        self.rounds += len(rounds)
        return [self.stream_one(each).tolist() for each in rounds]

    def stream_one(self, flows):
        passing = passes([self.way(*flow.pair) for flow in flows], self.net.cables)
        weight = np.exp(UNEVEN * self.draw.normal(size=len(flows)))
        rates = share(passing, weight, self.net.stated)
        rates *= 1 - NOISE * np.abs(self.draw.normal(size=len(flows)))
        if self.draw.random() < LATE:
            rates[self.draw.integers(len(flows))] *= 2
        return rates

    def spent(self):
        return self.rounds / self.budget


def share(passing, weight, capacity):
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
