"""Schedules that might be the best choice, whoever makes them; none is measured here."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain

from commplan.anytime.limits import count_trees, keeps_limits
from commplan.anytime.standby import make_fallback
from commplan.candidates import tuning
from commplan.candidates.eased import ease
from commplan.candidates.keys import BEST, EXCHANGES, Generator, Key
from commplan.candidates.measure import Made
from runtime.metrics.chunking import LEAST
from runtime.metrics.height import height
from runtime.metrics.link_loads import algbw
from runtime.metrics.pacing import MOST_LEAD, WHOLE, Pacing, with_pacing
from runtime.simulate.simulate import simulate
from runtime.verify.determinism import is_deterministic
from runtime.verify.relaying import mark_relay_copies
from runtime.verify.verify import verify
from solvers.bounds import time_bound
from solvers.exact.pareto import frontier
from solvers.exact.search import ScclSearch
from solvers.flows import all_to_allv, moe
from solvers.flows.other_flows import other_flows
from solvers.lp.linear_program import Infeasible
from solvers.schedules.capabilities import Relays
from solvers.schedules.collective import CollectiveError, Movement
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NO_DEADLINE, NotFound, Watch
from solvers.settings.options import DEFAULT_OPTIONS, LimitError, SolverOptions
from solvers.solve import solve
from solvers.templates import TEMPLATES, hierarchical_alltoall, multilevel
from solvers.templates.layout import TemplateError
from solvers.timing import rounds
from solvers.timing.greedy_matching import schedule_by_matching
from solvers.timing.greedy_problem import problem_along
from solvers.timing.quickest import quickest_trees
from topologies.model.messages import one_line
from topologies.model.registry import PluginError
from topologies.model.units import Bytes, bytes_of

OTHERS = "other candidates"
# As links were matched: pieces as they are, each as soon as its link is free.
MATCHED = Pacing(WHOLE, MOST_LEAD)
ORDERS: dict[str, Callable[[Schedule], Iterator[tuple[str, Schedule]]]] = dict(
    zip(
        EXCHANGES,
        (rounds.round_orders, all_to_allv.stage_orders, moe.list_variants, moe.list_variants),
        strict=True,
    )
)


def all_candidates(
    best: Schedule, options: SolverOptions = DEFAULT_OPTIONS, watch: Watch = NO_DEADLINE
) -> Made:
    """Find the schedule of highest throughput, and all others to compare it with.

    Args:
        best: the schedule of highest throughput.
        options: what the searches may use, and their limits.
        watch: says when to stop.

    Returns:
        each with its key, made one by one.
    """
    yield from keep_lawful(iter([(BEST, best)]), best.relays)
    for key, schedule in keep_lawful(other_candidates(best, watch, options), best.relays):
        if watch.leaves_out(OTHERS):
            break
        yield key, replace(schedule, in_network=options.in_network, relays=options.relays)


def other_candidates(
    best: Schedule,
    watch: Watch | None,
    options: SolverOptions = DEFAULT_OPTIONS,
    size: Bytes | None = None,
    *,
    crowded: bool = False,
) -> Made:
    """Make the schedules to compare the one of highest throughput with.

    Args:
        best: the schedule of highest throughput.
        watch: says when to stop; without one nothing is searched for.
        options: what the searches may use, and their limits.
        size: in bytes.
        crowded: whether scratch is short, so that the plain schedule competes too.
    """
    return chain(
        _patterns(best, crowded),
        _quickest(best, options, size),
        _exact(best, watch),
        _flows(best, watch, options, size),
        _low(best, watch, options, size),
        _matchings(best, watch, options, size),
    )


def keep_lawful(made: Made, relays: Relays) -> Made:
    """Leave out what would give ranks different bits of one sum, or ask too much of relays."""
    for key, schedule in made:
        if is_deterministic(schedule) and not (
            relays == "forward" and mark_relay_copies(schedule).any()
        ):
            yield key, schedule


def _patterns(best: Schedule, crowded: bool) -> Made:
    """Make what needs no search; where scratch is short, the plain one too."""
    yield from _templates(best)
    orders = ORDERS.get(pattern_of(best.collective))
    if orders is not None:
        own = best.provenance.get("order")
        for name, made in orders(best):
            if name != own:
                yield Key(Generator.ORDER, (name,)), made
    if crowded:
        plain = partial(make_fallback, best.topology, best.collective, best.bound)
        yield from _try(Key(Generator.SHORTEST_WAYS), plain)


def _quickest(best: Schedule, options: SolverOptions, size: Bytes | None) -> Made:
    """Make trees that are quick at some small sizes, each once; where a size is large none."""
    few = 1 < len(best.collective.ranks) <= tuning.LOW_RANKS
    if not few or (size or 0) > tuning.QUICK_FAR * max(tuning.QUICK_SIZES):
        return
    seen: set[bytes] = set()
    for near in tuning.QUICK_SIZES:
        try:
            made = quickest_trees(
                best.topology, best.collective, near, options.switching, best.bound
            )
            for words, each in made:
                if (word := _content(each)) not in seen:
                    seen.add(word)
                    key = Key(Generator.QUICKEST, (bytes_of(near), *words), MATCHED)
                    yield key, with_pacing(each, MATCHED)
        except NotFound:
            return


def _content(schedule: Schedule) -> bytes:
    """Write down what moves, to tell schedules apart."""
    rows = schedule.transfers
    columns = (rows.piece, rows.step, rows.src, rows.dst, rows.route)
    return b"".join(column.tobytes() for column in columns)


def _exact(best: Schedule, watch: Watch | None) -> Made:
    """Search for the best schedules of so many steps each, where these are few and soon found.

    watch: of the whole question; without one there is no search.
    """
    machine, what = best.topology, best.collective
    direct = (machine.src < machine.ranks) & (machine.dst < machine.ranks)
    if (
        watch is None
        or watch.over
        or not 1 < len(what.ranks) <= tuning.EXACT_RANKS
        or not direct.any()
    ):
        return
    own = watch.stage(tuning.EXACT_WORK, "exact schedules")
    try:
        for answer in frontier(ScclSearch(machine, what, own), tuning.EXACT_CHUNKS, watch=own):
            if answer.schedule is not None:
                yield Key(Generator.EXACT, tuple(answer.point)), answer.schedule
    except (CollectiveError, Infeasible, NotFound):
        return


def _flows(best: Schedule, watch: Watch | None, options: SolverOptions, size: Bytes | None) -> Made:
    """Find other flows of an all_to_all, each in orders, where these are soon found and can gain.

    watch: of the whole question; without one there is no search.
    """
    what, rate = best.collective, algbw(best)
    if watch is None or rate is None or pattern_of(what) != "all_to_all" or len(what.ranks) == 1:
        return
    if size is not None and _is_near(best, size, options):
        return
    own = watch.stage(tuning.FLOW_WORK, "other flows")
    with suppress(Infeasible, NotFound):
        for name, made in other_flows(best, rate, tuning.FLOW_COLUMNS, own):
            for order, each in chain([("hop by hop", made)], rounds.round_orders(made)):
                yield Key(Generator.FLOW, (name, order)), each


def _low(
    best: Schedule, watch: Watch | None, options: SolverOptions, size: Bytes | None = None
) -> Made:
    """Pack trees of less height, or fewer, than those of highest throughput, for sizes in between.

    watch: of the whole question; without one there is no search, nor where there is little to gain.
    """
    what, plain = best.collective, replace(options, max_height=None, trees=None)
    if watch is None or not 1 < len(what.ranks) <= tuning.LOW_RANKS or pattern_of(what) in ORDERS:
        return
    if size is not None and _is_near(best, size, options):
        return
    if count_trees(best) > 1:
        yield from _pack(best, watch, Key(Generator.ONE_TREE), replace(plain, trees=1))
    for part, eased in ease(best, tuning.EASED_PARTS, watch, plain):
        yield Key(Generator.EASED, (part,)), eased
    for most in tuning.LOW:
        if most >= height(best) or watch.leaves_out("trees of less height"):
            return
        lower = replace(plain, max_height=most)
        yield from _pack(best, watch, Key(Generator.LOW_TREES, (most,)), lower)


def _pack(best: Schedule, watch: Watch, key: Key, options: SolverOptions) -> Made:
    """Pack trees within limits, if that takes little work."""
    own = watch.stage(tuning.LOW_WORK, str(key))
    try:
        found = solve(best.topology, best.collective, own, options)
    except (Infeasible, LimitError, NotFound):
        return
    if keeps_limits(found, options):
        yield key, replace(found, bound=best.bound)


def _is_near(best: Schedule, size: Bytes, options: SolverOptions) -> bool:
    """Tell whether a schedule is about as fast as any can be at a size."""
    machine, what = best.topology, best.collective
    least = time_bound.time_lower_bound(machine, what, best.bound, size, in_network=best.in_network)
    return simulate(best, size, options.switching).seconds <= tuning.CLOSE * least


def _matchings(
    best: Schedule, watch: Watch | None, options: SolverOptions, size: Bytes | None = None
) -> Made:
    """Let links take pieces as they fall free, along the trees of highest throughput."""
    what = best.collective
    way, everyone, root, inward = what.shape
    copied = not inward and (everyone or root is not None) and way is not Movement.COPY_OF_SUM
    known = 1 < len(what.ranks) <= tuning.LOW_RANKS and copied  # matchings are for what only copies
    if watch is None or not known or (size is not None and _is_near(best, size, options)):
        return
    played: list[float] = []
    share = (size or tuning.MATCHED_SIZE) * float(what.sizes.mean()) / what.total
    for parts in tuning.MATCHED_PARTS:
        least = LEAST if parts > tuning.MATCHED_ALWAYS else tuning.MATCHED_LEAST
        if parts > 1 and share < parts * least:
            return
        work = problem_along(best, size or tuning.MATCHED_SIZE, parts)
        if len(work.load) * len(what.ranks) > tuning.MATCHED_SENDS or watch.leaves_out("matchings"):
            return
        made = with_pacing(
            schedule_by_matching(work, what, best.bound, in_network=best.in_network), MATCHED
        )
        yield Key(Generator.MATCHING, (parts,), MATCHED), made
        if size is not None:
            played.append(simulate(made, size, options.switching).seconds)
        if parts >= tuning.MATCHED_ALWAYS and not _gains(played):
            return


def _gains(played: list[float]) -> bool:
    """Tell whether the last of several plays gained so much on all before that more may."""
    return len(played) > 1 and played[-1] < min(played[:-1]) / tuning.CLOSE


def _templates(best: Schedule) -> Made:
    """Make the templates of the same collective, of equal ones of ours the first."""
    seen: set[bytes] = set()
    for key, made in _fitting_templates(best):
        word = _content(made)
        if word not in seen or _is_foreign(str(key.parameters[0])):
            seen.add(word)
            yield key, made


def _is_foreign(name: str) -> bool:
    return name in TEMPLATES and not TEMPLATES.is_ours(name)


def _fitting_templates(best: Schedule) -> Made:
    """Make all that fit."""
    what = best.collective
    if 1 < len(what.ranks) <= tuning.TEMPLATE_RANKS:
        for name, (template, known) in TEMPLATES.items():
            if pattern_of(what) in known:
                one = partial(template, best.topology, what)
                ours = TEMPLATES.is_ours(name)
                yield from _try(_template(name), one) if ours else _try_plugin(best, name, one)
        if pattern_of(what) in multilevel.COLLECTIVES:
            for name, make in multilevel.list_patterns(best.topology, what, best.bound):
                yield from _try(_template(name), make)
        if pattern_of(what) in hierarchical_alltoall.COLLECTIVES:
            yield from _hierarchies(best)


def _template(name: str) -> Key:
    return Key(Generator.TEMPLATE, (name,))


def _hierarchies(best: Schedule) -> Made:
    """Make exchanges between boxes of several ranks."""
    try:
        made = hierarchical_alltoall.hierarchies(best.topology, best.collective, best.bound)
        yield from ((_template(name), each) for name, each in made)
    except TemplateError:
        return


def _try(key: Key, make: Callable[[], Schedule]) -> Made:
    """Make a schedule, if it can be made."""
    try:
        yield key, make()
    except (TemplateError, NotFound):
        return


def _try_plugin(best: Schedule, name: str, make: Callable[[], Schedule]) -> Made:
    """Make a schedule by a template of others; one that is wrong is left out, with a warning."""
    try:
        made = make()
        asked = made.topology is best.topology and made.collective is best.collective
        faults = verify(made).faults if asked else ("it is of another machine or collective",)
    except (TemplateError, NotFound):
        return
    except Exception as error:
        faults = (f"{type(error).__name__}: {' '.join(str(error).split())}",)
    if not faults:
        yield _template(name), made
        return
    line = one_line(f"template {name!r} is left out: {faults[0]}")
    warnings.warn(PluginError(line), stacklevel=2)
