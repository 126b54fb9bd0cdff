"""What is measured: rounds of flows, what each of them carried, and the statistics of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import NamedTuple

import numpy as np

from topologies.model.topology import FloatArray
from topologies.model.units import Seconds

Pair = tuple[int, int]  # the rank that sends, and the one that receives
Pairs = tuple[Pair, ...]  # of the flows of a round
CONFIDENCE = 0.95
# By number of values: half of an interval of 95 % (Student) over the mean half of their range; of
# two, for which that would be 16, as of three: nothing would be told.
BEYOND = {2: 3.0, 3: 3.0, 4: 1.5, 5: 1.1}
FAR = 3.5  # times the spread, from which a value is an outlier (Iglewicz and Hoaglin, 1993)
NORMAL = 1.4826  # of a normal distribution, the standard deviation over the median deviation
LEAST_SPREAD = 0.01  # of the median: what deviates less is no outlier, however alike the rest


class Flow(NamedTuple):
    """A stream from one rank to another, and what it is thought to carry: bytes per second."""

    src: int
    dst: int
    guess: float

    @property
    def pair(self) -> Pair:
        """Give its ends."""
        return self.src, self.dst


Round = tuple[Flow, ...]  # flows that go at the same time


@dataclass(frozen=True, eq=False)
class Reading:
    """What the flows of a round carried in one or more passes.

    Attributes:
        rates: (passes, flows), bytes per second.
        launch: the number of the job that measured it.
    """

    pairs: Pairs
    rates: FloatArray
    launch: int = 0

    @property
    def middle(self) -> FloatArray:
        """Compute the median rate of each flow over the passes."""
        found: FloatArray = np.median(self.rates, axis=0)
        return found


class Ping(NamedTuple):
    """What small messages between two ranks take, and roughly what large ones carry.

    Attributes:
        late: seconds from one to the other, half of a way there and back.
        gap: seconds that each message of a train takes more.
        rate: bytes per second, of one message after the other.
    """

    late: Seconds
    gap: Seconds
    rate: float


class Interval(NamedTuple):
    """A median, what it lies between, and how many values there are, outliers among them."""

    middle: float
    low: float
    high: float
    values: int
    outliers: int


def interval(values: Sequence[float] | FloatArray) -> Interval:
    """Compute the median with its confidence interval, from order statistics alone.

    The k-th smallest and the k-th largest of n values enclose the median with probability
    1 - 2 P(Binomial(n, 1/2) < k); the largest k with 95 % is taken. No distribution is assumed
    (Hoefler and Belli, SC 2015, rules 5 and 6). Below six values even the extremes reach less: they
    are moved out as far from the median as Student's intervals of so many values reach beyond
    them. Outliers stay in the sample, which a median does not mind.
    """
    found = np.sort(np.asarray(values, dtype=np.float64))
    count = len(found)
    k = _rank_of_bound(count)
    middle, out = float(np.median(found)), BEYOND.get(count, 1.0)
    low, high = (middle + out * (float(end) - middle) for end in (found[k], found[-1 - k]))
    return Interval(middle, max(low, 0.0), high, count, count_outliers(found))


def _rank_of_bound(count: int) -> int:
    """Find how many values to leave out at either end."""
    outside, k = 0.0, 0
    while 2 * (outside := outside + comb(count, k) / 2**count) <= 1 - CONFIDENCE:
        k += 1
    return max(k - 1, 0)


def count_outliers(values: FloatArray) -> int:
    """Count values that are further from the median than 3.5 robust standard deviations."""
    away = np.abs(values - np.median(values))
    spread = max(NORMAL * float(np.median(away)), LEAST_SPREAD * abs(float(np.median(values))))
    return int((away > FAR * spread).sum())
