"""Which solver does what: a machine and a collective in, the schedule of highest throughput out."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from solvers.bounds.cuts import cut_bound, is_gathering
from solvers.bounds.least_height import refuse_too_low
from solvers.groups.parts import (
    spare_group,
    spread_hubs,
    submachine_with_hubs,
    submachines,
    to_submachine,
    whole_bound,
    widen,
)
from solvers.groups.reach import restrict_relays
from solvers.groups.steiner_pairs import pack_steiner_pairs
from solvers.kept_symmetry import find_symmetry
from solvers.lp.linear_program import Infeasible
from solvers.registry import check, choose_solver, run_solver
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.kinds import has_blocks, is_alike, pattern_of
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NO_DEADLINE, NotFound, Watch
from solvers.settings.options import DEFAULT_OPTIONS, LimitError, SolverOptions
from solvers.trees import forest
from solvers.trees.large import MOST_PAIRS, is_large
from solvers.trees.large_rooted import CUT_WORK
from topologies.derive.part import Submachine, contract
from topologies.model.reachability import all_joined, missing_paths
from topologies.model.topology import Topology
from topologies.symmetry.group import Group, orbits, trivial

CROWD, ALIKE = 48, 8  # members from which exact schedules take minutes, unless few roots differ
COLUMNS = 80_000  # of a flow by source, up to which it is found exactly
HUB_RANKS = 16  # up to which ranks outside are tried as hubs in the whole machine
SEARCH = 1.0  # about so many seconds, for the symmetry of a part of a machine


def solve(
    topology: Topology,
    collective: Collective,
    watch: Watch = NO_DEADLINE,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> Schedule:
    """Find the schedule of highest throughput, with the certificate that none is higher.

    The symmetry of the machine is used as far as it keeps the collective: the declared one, or one
    that is found with a tenth of the work, and of 50 units.

    Args:
        topology: the machine.
        collective: over ranks of the machine.
        watch: says when to stop, and hears of progress.
        options: what the search may use, and its limits.

    Returns:
        the schedule, not checked yet.

    Raises:
        Infeasible: no schedule exists.
        NotFound: none was found in the time given.
        LimitError: no solver knows one within the limits.
        SymmetryError: the declared symmetry is no symmetry.
        CollectiveError: it is not for this machine, or no solver knows it.
        ArgumentError: something of another kind is given.
    """
    check(topology, collective, watch, options)
    topology = restrict_relays(topology, collective, options.relays)
    check_paths(topology, collective)
    refuse_too_low(topology, collective, options.max_height)
    name = choose_solver(collective, options.solver)
    found = _solve_in_submachine(topology, collective, watch, options)
    if found is None:
        group = _symmetry(topology, collective, watch, options)
        found = _solve_whole(topology, collective, group, watch, options)
    known = found.provenance | {"solver": name}
    return replace(found, provenance=known, in_network=options.in_network, relays=options.relays)


def _symmetry(
    topology: Topology, collective: Collective, watch: Watch, options: SolverOptions
) -> Group:
    """Look for the symmetry that is used, where it is of use."""
    watch.tell("looking for symmetry")
    flow = choose_solver(collective, options.solver) == "scatter"  # one flow: no symmetry helps
    rooted = collective.shape.root is not None and is_large(topology, collective, options)
    search = 0.0 if flow or rooted else min(watch.room, 50.0) / 10
    return find_symmetry(topology, collective, search, options, watch)


def _solve_in_submachine(
    topology: Topology, collective: Collective, watch: Watch, options: SolverOptions
) -> Schedule | None:
    """Solve in a part of the machine that is proved to do as well as the whole, if there is one."""
    limited = options.max_height is not None or options.trees is not None
    if limited or options.solver is not None or not is_alike(collective):
        return None
    if not 1 < len(collective.ranks) < topology.ranks:
        return None
    inside = _tell_no_bounds(watch)
    for cut in submachines(topology, collective):
        inner = to_submachine(cut, collective)
        group = spare_group(find_symmetry(cut.topology, inner, SEARCH, options, inside), cut)
        asked = cut.topology, inner, group, inside, options
        found = _try_stars(*asked) or _try_near_optimum(*asked) or _solve_under(*asked)
        bound = whole_bound(
            found.bound, cut, collective, options.relays, in_network=options.in_network
        )
        if bound is not None and bound.algbw == found.bound.algbw:
            return replace(widen(found, cut, collective), bound=bound)
    return None


def _tell_no_bounds(watch: Watch) -> Watch:
    """Give a watch for a part of a machine, whose bounds need not hold for the whole."""
    return Watch(whole=watch, on_progress=lambda news: watch.tell(news.doing, best=news.best))


def solve_in(
    cut: Submachine, collective: Collective, watch: Watch, options: SolverOptions
) -> Schedule:
    """Find the schedule of highest throughput in a part of a machine, for the whole machine.

    Its bound is that of the part, and to be replaced.

    Args:
        cut: the part.
        collective: over ranks of the whole machine.
        watch: says when to stop.
        options: what the search may use, and its limits.

    Raises:
        as `solve`.
    """
    inner, inside = to_submachine(cut, collective), _tell_no_bounds(watch)
    group = spare_group(find_symmetry(cut.topology, inner, SEARCH, options, inside), cut)
    found = _solve_under(cut.topology, inner, group, inside, options)
    return replace(widen(found, cut, collective), relays=options.relays)


def solve_around_hubs(
    topology: Topology, collective: Collective, bound: Bound, watch: Watch, options: SolverOptions
) -> Iterator[Schedule]:
    """Find schedules of an all_reduce whose roots are ranks outside.

    On direct networks with ranks outside wherever branches meet; then with stars around hubs, in a
    part, and around few in the whole.
    """
    with suppress(Infeasible, NotFound):
        made = pack_steiner_pairs(topology, collective, bound, watch)
        yield replace(made, in_network=options.in_network, relays=options.relays)
    if cut := submachine_with_hubs(topology, collective):
        inner, inside = to_submachine(cut, collective), _tell_no_bounds(watch)
        group = spare_group(find_symmetry(cut.topology, inner, SEARCH, options, inside), cut)
        if found := _try_stars(cut.topology, inner, group, inside, options):
            yield replace(widen(found, cut, collective), relays=options.relays)
    if len(collective.ranks) <= HUB_RANKS:
        asked = topology, collective, trivial(topology), watch, options
        with suppress(NotFound):
            for hubs in spread_hubs(topology, collective):
                with suppress(Infeasible, NotFound):
                    yield forest.pack_stars(*asked, (hubs, bound))


def _solve_whole(
    topology: Topology, collective: Collective, group: Group, watch: Watch, options: SolverOptions
) -> Schedule:
    """Solve on a machine as a whole; for blocks that differ, or a group, with little symmetry."""
    asked = topology, collective, group, watch, options
    limited = options.max_height is not None or options.trees is not None
    if limited or options.solver is not None:
        return _solve_under(*asked)
    everyone = len(collective.ranks) == topology.ranks
    if everyone and not has_blocks(collective):
        return _solve_under(*asked)
    return _try_stars(*asked) or _try_near_optimum(*asked) or _solve_under(*asked)


def contracted_bound(
    topology: Topology, collective: Collective, watch: Watch, options: SolverOptions
) -> Bound | None:
    """Bound by the optimum of a machine in which everything far from the ranks is a single one.

    Args:
        topology: the machine.
        collective: over ranks of the machine.
        watch: says when to stop.
        options: what schedules may use.

    Raises:
        Infeasible, NotFound: as `solve`.
    """
    cut, quiet = contract(topology, collective.ranks), Watch(whole=watch)
    inner = replace(collective, ranks=tuple(range(len(collective.ranks))))
    group = find_symmetry(cut.topology, inner, SEARCH, options, quiet)
    found = _solve_under(cut.topology, inner, group, quiet, options)
    return whole_bound(found.bound, cut, collective, options.relays, in_network=options.in_network)


def _try_stars(
    topology: Topology, collective: Collective, group: Group, watch: Watch, options: SolverOptions
) -> Schedule | None:
    """Look for a schedule in which all send straight to all, None where that is no optimum."""
    if not collective.shape.everyone or len(collective.ranks) == 1:
        return None
    try:
        return forest.pack_stars(topology, collective, group, watch, options)
    except (Infeasible, NotFound):  # some paths may lead over other members alone
        return None


def _try_near_optimum(
    topology: Topology, collective: Collective, group: Group, watch: Watch, options: SolverOptions
) -> Schedule | None:
    """Look for trees or paths near the optimum, None where that takes longer than to find it.

    That is where members are few, or roots: one, or few by symmetry; or where they are not near.
    """
    label = orbits(group.generators, topology.vertices)[list(collective.ranks)]
    trees, sources = collective.shape.everyone, len(np.unique(label))
    paths = pattern_of(collective) == "all_to_all"
    few = len(collective.ranks) < CROWD or sources <= ALIKE or collective.root is not None
    if few or not (trees or paths):
        return None
    if paths and sources * topology.links <= COLUMNS:
        return None
    try:
        if trees:
            return forest.pack_near_optimum(topology, collective, watch, options)
        from solvers.flows import all_to_all  # only where it is asked

        return all_to_all.route_near_optimum(topology, collective, watch, options)
    except NotFound:
        return None


def _solve_under(
    topology: Topology, collective: Collective, group: Group, watch: Watch, options: SolverOptions
) -> Schedule:
    """Find the schedule of highest throughput under a group that keeps the problem."""
    name = choose_solver(collective, options.solver)
    if options.trees is not None and _images(group, collective) > max((options.trees + 1) // 2, 1):
        group = trivial(topology)
    watch.tell("solving")
    return run_solver(name, topology, collective, group, watch, options)


def bound(
    topology: Topology,
    collective: Collective,
    watch: Watch = NO_DEADLINE,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> Bound:
    """Find the tightest bound that is known: size / time that no schedule exceeds.

    A cut does where it is certain to be attained; elsewhere the optimum's prices are needed.

    Args:
        topology: the machine.
        collective: over ranks of the machine.
        watch: says when to stop, and hears of progress.
        options: what schedules may use, and their limits.

    Returns:
        the bound, with the certificate that proves it.

    Raises:
        as `solve`, but for LimitError.

    Example:
        >>> from solvers.schedules.kinds import collective
        >>> from topologies.presets.shapes import ring
        >>> float(bound(ring(4), collective("all_gather", range(4))).algbw)
        66666666666.666664
    """
    check(topology, collective, watch, options)
    topology = restrict_relays(topology, collective, options.relays)
    check_paths(topology, collective)
    if (
        is_gathering(collective)
        and options.max_height is None
        and _is_balanced(topology, collective)
    ):
        if topology.ranks > MOST_PAIRS:  # where a flow for each kind of rank takes minutes
            watch = Watch(whole=watch, work=CUT_WORK)
            return cut_bound(topology, collective, watch)
        return cut_bound(topology, collective)
    try:
        return solve(topology, collective, watch, options).bound
    except LimitError:  # what no schedule beats, none of such a height does
        return cut_bound(topology, collective, watch)


def check_paths(topology: Topology, collective: Collective) -> None:
    """Refuse a collective for which a path is missing; links may lead one way only.

    Raises:
        Infeasible: naming the ranks from and to which no path leads.
    """
    if all_joined(topology):
        return
    asked: dict[tuple[int, ...], set[int]] = {}
    for holders, wanters in zip(collective.holders, collective.wanters, strict=True):
        asked.setdefault(tuple(wanters.tolist()), set()).update(holders.tolist())
    if faults := missing_paths(topology, [(sorted(src), dst) for dst, src in asked.items()]):
        more = f"; and {len(faults) - 1:,} more like this" if len(faults) > 1 else ""
        hint = "" if (topology.mate >= 0).any() else " (no link is `duplex`: each leads one way)"
        raise Infeasible(f"{collective.name}: {faults[0]}{more}{hint}")


def _images(group: Group, collective: Collective) -> int:
    """Count the images of a tree at its root, where these are most."""
    label = orbits(group.generators, group.generators.shape[1])
    return group.order // int(np.bincount(label)[label[list(collective.ranks)]].min())


def _is_balanced(topology: Topology, collective: Collective) -> bool:
    """Say whether everyone but the collective's ranks takes in as much as it gives out.

    There the cut bound is attained (Bang-Jensen, Frank and Jackson, SIAM Journal on Discrete
    Mathematics 8 (1995)), and one flow attains that of scatter and gather anywhere.
    """
    if collective.shape.movement is Movement.PERSONALISED:
        return True
    surplus = np.zeros(topology.vertices, dtype=np.int64)
    np.add.at(surplus, topology.dst, topology.capacity)
    np.subtract.at(surplus, topology.src, topology.capacity)
    surplus[list(collective.ranks)] = 0
    return not surplus.any()
