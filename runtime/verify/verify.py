"""Is a schedule right, how fast is it, and can anything be faster: decided without a solver."""

from dataclasses import dataclass
from fractions import Fraction

from runtime.metrics.height import height
from runtime.metrics.link_loads import Throughput, throughput
from runtime.verify import data, structure, symmetry
from runtime.verify.determinism import is_deterministic
from solvers.certify.certificates import TREES, prove, scope
from solvers.certify.dual_bound import Unproven
from solvers.schedules.certificate import Prices
from solvers.schedules.schedule import Schedule
from topologies.model.arguments import of
from topologies.model.units import Rate

SHOWN = 20  # faults that are spelled out


@dataclass(frozen=True)
class Report:
    """What the checker found.

    Attributes:
        correct: the schedule does what its collective asks, and its certificate proves its bound.
        optimal: besides, it is exactly as fast as the certificate proves anything can be, within
            the bound's scope.
        faults: a sentence for each mistake.
        algbw: size / time in bytes per second when everything is pipelined, None where nothing
            moves.
        proved: what the certificate proves, in the same unit.
        busiest: the link that limits algbw.
        height: the longest chain of transfers.
    """

    correct: bool
    optimal: bool
    faults: tuple[str, ...]
    algbw: Rate | None = None
    proved: Rate | None = None
    busiest: str | None = None
    height: int = 0
    same_bits: bool | None = None


def verify(schedule: Schedule) -> Report:
    """Check a schedule from the ground up: form, group, shares, data, loads and certificate.

    Args:
        schedule: from anywhere; nothing in it is trusted.

    Returns:
        what was found; nothing is raised for a wrong schedule.
    """
    of("schedule", schedule, Schedule)
    for check in (structure.faults, symmetry.faults):
        if found := check(schedule):
            return Report(False, False, _shorten(found))
    found = data.faults(schedule)
    reached = throughput(schedule)
    limit, unproven = _limit(schedule, reached)
    found += unproven
    return Report(
        correct=not found,
        optimal=not found and (limit == reached.algbw if limit else _moves_nothing(schedule)),
        faults=_shorten(found),
        algbw=reached.algbw,
        proved=limit,
        busiest=None if reached.busiest is None else schedule.topology.link_name(reached.busiest),
        height=height(schedule),
        same_bits=None if found else is_deterministic(schedule),
    )


def _limit(schedule: Schedule, reached: Throughput) -> tuple[Fraction | None, list[str]]:
    """Find what the certificate proves, and what is wrong with the bound's claim."""
    claim, certificate = schedule.bound.algbw, schedule.bound.certificate
    if certificate is None:
        return None, [] if claim is None else [f"bound: nothing proves {_rate(claim)}"]
    expected = scope(certificate, schedule.collective)
    if schedule.bound.scope != expected:
        return None, [f"bound: the scope is {schedule.bound.scope!r}, expected {expected!r}"]
    try:
        limit = prove(
            schedule.topology,
            schedule.collective,
            certificate,
            schedule.group,
            in_network=schedule.in_network,
            relays=schedule.relays,
        )
    except Unproven as error:
        return None, [f"bound: {error}"]
    found = []
    if claim != limit:
        found.append(f"bound: the certificate proves {_show_difference(limit, claim)}")
    most = certificate.height if isinstance(certificate, Prices) else None
    if most is not None and (high := height(schedule)) > most:
        found.append(f"bound: it speaks of heights up to {most}, the schedule has {high}")
    faster = reached.algbw is not None and reached.algbw > limit
    # A schedule of another form than the scope's may be faster than all that are of that form.
    if faster and reached.algbw is not None and not schedule.bound.scope.startswith(TREES):
        found.append(f"bound: {_rate(reached.algbw)} is beyond the proved limit, {_rate(limit)}")
    return limit, found


def _moves_nothing(schedule: Schedule) -> bool:
    """Tell whether everything is where it is wanted from the start: nothing can be faster."""
    what = schedule.collective
    return not len(schedule.transfers) and all(
        set(wanters.tolist()) <= set(holders.tolist()) and (len(holders) == 1 or not len(wanters))
        for holders, wanters in zip(what.holders, what.wanters, strict=True)
    )


def _rate(algbw: Rate) -> str:
    return f"{float(algbw) / 1e9:.9g} GB/s"


def _show_difference(limit: Fraction, claim: Fraction | None) -> str:
    """Say what is proved and what is claimed, as fractions where the decimals look the same."""
    if claim is None:
        return f"{_rate(limit)}, but no bound is claimed"
    if _rate(limit) == _rate(claim):
        return f"{limit / 10**9} GB/s, not {claim / 10**9} GB/s"
    return f"{_rate(limit)}, not {_rate(claim)}"


def _shorten(found: list[str]) -> tuple[str, ...]:
    """Keep the first faults and count the rest."""
    rest = len(found) - SHOWN
    return (*found[:SHOWN], f"and {rest} more") if rest > 0 else tuple(found)
