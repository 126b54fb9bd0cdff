"""A dozen trees out of one root in place of hundreds, where these take long to be under way.

The packing of highest throughput folds a machine by its symmetry, and has hundreds of trees that
are high. With few trees messages are large in many chunks, and trees that start near the root are
low, so that filling and draining links costs less of the time.
"""

from contextlib import suppress

from commplan.candidates.large import share_of
from commplan.candidates.measure import play_work
from commplan.candidates.tuning import FEWER_RANKS, FEWER_WORK, HIGH, SUM_WORK
from runtime.metrics.chunking import LARGE
from runtime.metrics.putting_off import put_off
from runtime.program.scratch import scratch
from runtime.simulate.simulate import Simulation, simulate
from solvers.schedules.collective import Movement
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import SolverOptions
from solvers.trees.large_rooted import pack_few
from topologies.model.units import Share

Paced = tuple[Schedule, Simulation | None]


def take_fewer(
    usual: Schedule,
    paced: Paced,
    max_scratch: Share | None,
    watch: Watch,
    options: SolverOptions,
) -> Paced:
    """Take few trees where they reach more at LARGE bytes, and what is there reaches little.

    Args:
        usual: of highest throughput, at the usual pacing.
        paced: the same, or another, at its best pacing, and its play.
        max_scratch: what a rank may need besides its buffers, as a part of the size.
        watch: of the whole question.
        options: what the search may use, and its limits.
    """
    best, played = paced
    if not _is_asked(usual, options) or watch.leaves_out("fewer trees"):
        return paced
    played = played or simulate(best, LARGE)
    if share_of(best, played) >= HIGH:
        return best, played
    with suppress(NotFound):
        few = pack_few(usual, watch.stage(FEWER_WORK, "fewer trees"))
        tried = [few, put_off(few)] if usual.collective.shape.movement is Movement.SUM else [few]
        kept = [each for each in tried if max_scratch is None or scratch(each) <= max_scratch]
        found: list[tuple[Schedule, Simulation]] = [(each, simulate(each, LARGE)) for each in kept]
        return min([(best, played), *found], key=lambda each: each[1].seconds)
    return best, played


def _is_asked(usual: Schedule, options: SolverOptions) -> bool:
    """Tell whether it is a rooted collective of all ranks of a direct machine, without limits."""
    what, machine = usual.collective, usual.topology
    whole = len(what.ranks) == machine.ranks == machine.vertices
    trees = what.shape.root is not None and what.shape.movement is not Movement.PERSONALISED
    free = options.max_height is None and options.trees is None and not options.in_network
    if not (whole and trees and free and machine.ranks >= FEWER_RANKS):
        return False
    return play_work(usual, LARGE) <= SUM_WORK
