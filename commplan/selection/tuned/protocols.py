"""Which protocol a GPU library's ring should take, by what was fitted of its three regimes.

A fit has three regimes by size: what starts soon and carries little, one in between, and bulk. On
one host NCCL and RCCL have a ring for all_gather and reduce_scatter, in the protocols LL, LL128 and
Simple: the regimes are taken for these. A rule is written where another regime, carried on past
the size at which the library leaves it, is faster by more than twice the standard errors of both,
and a part that every prediction may be off. An all_reduce is none of these: what was measured does
not tell whether a ring, a tree or switches made it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf, sqrt
from typing import NamedTuple

from commplan.fitting.fitted import Library
from commplan.fitting.library import Model
from commplan.fitting.regime import Regime
from commplan.fitting.terms import terms
from commplan.measurements.rows import Measured
from topologies.derive.bundle import bundle
from topologies.model.errors import NO, CommplanError
from topologies.model.topology import FloatArray, Topology
from topologies.model.units import Bytes, Rank, Seconds

PROTOCOLS = ("ll", "ll128", "simple")
SIMPLE = 2
RINGS = {"all_gather": "allgather", "reduce_scatter": "reducescatter"}
OFF = 0.05  # of a time: three times the median error of the fits that are shipped
ERRORS = 2.0
FINE = 2**0.25  # from one size that is looked at to the next
FARTHEST = 4.0  # times the sizes at which a regime was measured
LEAST, MOST = 2**9, 2**30  # bytes
COMPARED = 2  # regimes that a rule needs


class UnmeasuredError(CommplanError, ValueError):
    """A library that was not measured on a machine, so that nothing can be said of it there."""

    exit_code = NO


@dataclass(frozen=True)
class ProtocolRule:
    """A protocol of the ring from one size to another, inclusive: bytes of the largest buffer.

    Attributes:
        word: the library's name of the collective.
        usual: the protocol that it is seen to take there.
        gain: how many times as fast, at least and at most.
        seconds: at the last size: predicted, and as it is seen to take.
    """

    word: str
    ranks: int
    least: Bytes
    most: Bytes
    protocol: str
    usual: str
    gain: tuple[float, float]
    seconds: tuple[Seconds, Seconds]

    @property
    def found(self) -> tuple[tuple[float, float], tuple[Seconds, Seconds]]:
        """Give what was found: gains and seconds."""
        return self.gain, self.seconds


class Better(NamedTuple):
    """A regime that beats the library's own: the numbers of both, and what they take."""

    number: int
    own: int
    seconds: tuple[Seconds, Seconds]

    @property
    def gain(self) -> float:
        """Compute how many times as fast it is."""
        return self.seconds[1] / self.seconds[0]


def protocol_rules(
    topology: Topology,
    library: Library | None,
    name: str,
    adds: bool,
    ranks: Sequence[Rank] | None = None,
) -> list[ProtocolRule]:
    """Find the rules of some ranks of a host, or for each number of its ranks that was measured.

    Args:
        topology: the machine.
        library: what was fitted; None where nothing was.
        name: of the library, for messages.
        adds: whether switches can add, so that bulk may not have been the ring's.
        ranks: of one communicator; those of any number, from the first on, without them.

    Raises:
        UnmeasuredError: nothing was fitted for ranks of this machine.
    """
    if library is None:
        raise UnmeasuredError(
            f"{name} was not measured on {topology.name}: no file is written of what nobody saw; "
            f"--library FILE takes what `commplan fit LOG... --json` printed"
        )
    machine = bundle(topology)
    found: list[ProtocolRule] = []
    known = False
    first = [range(count) for count in range(2, topology.ranks + 1)]
    for own in first if ranks is None else [ranks]:
        models = library.find(machine, own)
        measured = any(len(own) in counts for _, counts in library.models)
        for collective, word in RINGS.items():
            if measured and collective in models:
                known = True
                found += _rules(models[collective], word, len(own), adds)
    if not known:
        raise UnmeasuredError(
            f"{library.name} was not measured on ranks that are joined as those of {topology.name}"
        )
    return found


def _rules(model: Model, word: str, ranks: int, adds: bool) -> Iterator[ProtocolRule]:
    """Put sizes at which one protocol gains into ranges; a single size makes none."""
    found = ((size, _better(model, ranks, size, adds)) for size in _sizes())
    for here, sizes in groupby(found, lambda each: each[1] and each[1][:2]):
        run = [(size, better) for size, better in sizes if better]
        if here is not None and len(run) > 1:
            yield _rule(word, ranks, run)


def _rule(word: str, ranks: int, run: Sequence[tuple[Bytes, Better]]) -> ProtocolRule:
    (least, first), (most, last) = run[0], run[-1]
    gains = [better.gain for _, better in run]
    return ProtocolRule(
        word,
        ranks,
        least,
        most,
        PROTOCOLS[first.number],
        PROTOCOLS[first.own],
        (min(gains), max(gains)),
        last.seconds,
    )


def _sizes() -> Iterator[Bytes]:
    size = float(LEAST)
    while size <= MOST:
        yield round(size)
        size *= FINE


def _better(model: Model, ranks: int, size: Bytes, adds: bool) -> Better | None:
    """Find the regime that beats the library's own by most."""
    row = Measured(model.collective, ranks, size, 1.0, 0)
    own = model.changes.regime(row)
    if own not in model.regimes or len(model.regimes) < COMPARED:
        return None
    usual, usual_off = _predict(model.regimes[own], row)
    best: Better | None = None
    for number, regime in model.regimes.items():
        far = _reaches(model, number, row)
        if number == own or not far or (number == SIMPLE and adds):
            continue
        seconds, off = _predict(regime, row)
        found = Better(number, own, (seconds, usual))
        sure = found.gain > 1 + OFF + ERRORS * sqrt(off**2 + usual_off**2)
        if sure and (best is None or found.gain > best.gain):
            best = found
    return best


def _reaches(model: Model, number: int, row: Measured) -> bool:
    """Tell whether a size is near those at which a regime was measured."""
    changes = model.changes
    each = row.size / (row.ranks if changes.by_rank else 1)
    first = (0.0, changes.second, None)[number]
    last = (changes.second, None, inf)[number]
    # The later change counts as the library counts it; the earlier one by the whole size.
    after_first = (
        row.size * FARTHEST >= first if first is not None else each * FARTHEST >= changes.third
    )
    before_last = (
        row.size <= last * FARTHEST if last is not None else each <= changes.third * FARTHEST
    )
    return after_first and before_last


def _predict(regime: Regime, row: Measured) -> tuple[float, float]:
    """Predict a row, with the relative standard error that follows from those of the figures."""
    at: FloatArray = terms([row])
    base = float(regime.seconds(at)[0])
    total = 0.0
    for place, (figure, error) in enumerate(zip(regime.figures, regime.errors, strict=True)):
        if not figure or not error:
            continue
        if error == inf and place in (2, 3):
            return base, inf
        changed = list(regime.figures)
        changed[place] *= 1 + min(error, 1.0)
        other = Regime(tuple(changed), regime.errors)
        total += (float(other.seconds(at)[0]) / base - 1) ** 2
    return base, sqrt(total)
