"""The fastest schedule known at each of many sizes: all candidates raced, pacings where that tells.

Of large sizes, where links are full, plays are long, and the best pacing of one is about the best
of the next. There other pacings are tried at sizes that are some way apart, and where another
candidate comes first; between these the fastest ones are only played again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from commplan.candidates.generate import all_candidates
from commplan.candidates.keys import Key
from commplan.candidates.measure import Candidate
from commplan.candidates.races import Races
from commplan.candidates.select import distinct, try_pacings
from commplan.candidates.tuning import CLOSE, FAR, TUNED
from commplan.expectation.patterns import Timing
from commplan.planning.canonical import canonical_view
from commplan.planning.nearby import find_nearby
from commplan.planning.planner import schedule_time_bound
from runtime.simulate.simulate import simulate
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from topologies.model.units import Bytes

# Of a compiled file: the schedule to take from so many bytes on.
Parts = Sequence[tuple[Bytes, Schedule]]
FULL = 2**26  # bytes from which this is so
APART = 16  # times the size at which pacings of a candidate were tried, up to which they serve
KEPT = 6  # pacings that are played again, at most


@dataclass(eq=False)
class _Tuning:
    """Races at one size after the other, and remembers which pacings were good.

    Attributes:
        tried: of a candidate, the size at which its pacings were tried last.
        good: what was fastest there, the latest ones last.
    """

    races: Races
    options: SolverOptions
    tried: dict[Key, Bytes] = field(default_factory=dict)
    good: dict[Key, None] = field(default_factory=dict)

    def at(self, size: Bytes, watch: Watch) -> Candidate:
        """Find the fastest candidate at a size, no smaller than those before."""
        again = list(self.good)[-KEPT:]
        raced = self.races.at(size, dict.fromkeys([*self.races.entrants, *again]), FAR)
        tried = self.tried.get(raced[0].key.unpaced, 0)
        if size >= FULL and (size < APART * tried or self._is_close(raced[0], size)):
            return raced[0]
        found = try_pacings(raced, size, watch, self.options)
        if size < FULL:
            return found[0]
        for each in distinct(raced)[:TUNED]:
            self.tried[each.key.unpaced] = size
        for each in reversed(found[:KEPT]):
            self.good.pop(each.key, None)
            self.good[each.key] = None
        return found[0]

    def _is_close(self, first: Candidate, size: Bytes) -> bool:
        """Tell whether no pacing can gain much at a size."""
        return first.seconds <= CLOSE * schedule_time_bound(first.schedule, size)


def best_by_size(
    best: Schedule, sizes: Sequence[Bytes], options: SolverOptions, watch: Watch
) -> dict[Bytes, Timing]:
    """Find what is fastest at each size.

    The one of highest throughput alone is played where the time is over.
    """
    around = find_nearby(best)
    inner = best if around is None else around.best
    seen = canonical_view(inner.topology, inner.collective, options.symmetry)
    inner = inner if seen is None else seen.forth(inner)
    tuning = _Tuning(Races(dict(all_candidates(inner, options, watch)), options), options)
    found: dict[Bytes, Timing] = {}
    for size in sorted(sizes):
        watch.tell(f"racing {best.collective.name} at {size} bytes")
        if watch.leaves_out(f"expectations of {best.collective.name} at other schedules"):
            found[size] = play_part([(0, best)], size)
            continue
        first = tuning.at(size, watch)
        found[size] = Timing(first.name, first.seconds, first.bottleneck)
    return found


def play_part(parts: Parts, size: Bytes) -> Timing:
    """Play the schedule that is for a size."""
    schedule = next(each for start, each in reversed(parts) if start <= size or each is parts[0][1])
    played = simulate(schedule, size)
    name = str(schedule.provenance.get("solver", "")) or "compiled"
    return Timing(name, played.seconds, str(played.bottleneck))
