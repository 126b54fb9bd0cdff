"""The solvers: from a collective to what finds its schedule, chosen by what each can do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from solvers.bounds.cuts import is_bounded
from solvers.schedules.collective import Collective, CollectiveError, Movement
from solvers.schedules.kinds import DEMAND, TOKENS, Given, kind_of, pattern_of
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from topologies.model.arguments import of
from topologies.model.errors import NO, CommplanError
from topologies.model.registry import Registry
from topologies.model.topology import Topology
from topologies.symmetry.group import Group


class SolverError(CommplanError, ValueError):
    """A collective that no solver is for, or a solver of others that fails."""

    exit_code = NO


@dataclass(frozen=True)
class Solver:
    """What finds schedules, and of which collectives.

    Attributes:
        solve: takes a machine, a collective, a group of automorphisms of both, and a watch, which
            says when to stop; with `limited` also options. Its schedule may be symmetric under the
            group, or under none. It raises `Infeasible` where none exists, which it must have
            proved, and `NotFound` where it knows none.
        suits: tells whether it is for a collective.
        limited: whether it keeps to the limits of height and trees that options state.
    """

    solve: Callable[..., Schedule]
    suits: Callable[[Collective], bool]
    limited: bool = False


# Each finder is loaded when it is asked: many commands ask none of them.
def _spread(*asked: Any) -> Schedule:  # noqa: ANN401
    from solvers.flows import moe

    return moe.route_tokens(*asked)


def _all_to_all(*asked: Any) -> Schedule:  # noqa: ANN401
    from solvers.flows import all_to_all

    return all_to_all.route_all_to_all(*asked)


def _all_to_allv(*asked: Any) -> Schedule:  # noqa: ANN401
    from solvers.flows import all_to_allv

    return all_to_allv.route_all_to_allv(*asked)


def _scatter(*asked: Any) -> Schedule:  # noqa: ANN401
    from solvers.flows import all_to_all

    return all_to_all.route_scatter(*asked)


def _tree_pairs(*asked: Any, **limits: Any) -> Schedule:  # noqa: ANN401
    from solvers.trees import forest

    return forest.pack_tree_pairs(*asked, **limits)


def _forest(*asked: Any, **limits: Any) -> Schedule:  # noqa: ANN401
    from solvers.trees import forest

    return forest.pack_forest(*asked, **limits)


def _is_of(given: Given) -> Callable[[Collective], bool]:
    return lambda what: (kind := kind_of(what)) is not None and kind.given is given


def _is_flow(what: Collective) -> bool:
    return what.shape.movement in (Movement.PERSONALISED, Movement.STAY)


def _is_for_all(what: Collective) -> bool:
    return what.shape.everyone and what.shape.movement is Movement.COPY_OF_SUM


# A name is a part of every schedule that the solver makes.
SOLVERS = Registry(
    "solver",
    Solver,
    "commplan.solvers",
    {
        "spread": Solver(_spread, _is_of(TOKENS)),
        "all_to_all": Solver(_all_to_all, lambda what: pattern_of(what) == "all_to_all"),
        "all_to_allv": Solver(
            _all_to_allv,
            lambda what: _is_of(DEMAND)(what) or (_is_flow(what) and not is_bounded(what)),
        ),
        "scatter": Solver(_scatter, lambda what: _is_flow(what) and is_bounded(what)),
        "all_reduce": Solver(
            _tree_pairs, lambda what: _is_for_all(what) and what.blocks == 1, True
        ),
        "forest": Solver(_forest, lambda what: what.shape.everyone and not _is_for_all(what), True),
    },
)


def check(topology: Topology, collective: Collective, watch: Watch, options: SolverOptions) -> None:
    """Look at what is asked for before anything is searched.

    Args:
        topology: should be a machine.
        collective: should be over its ranks.
        watch: should be a watch.
        options: should be options.

    Raises:
        ArgumentError: something of another kind.
        CollectiveError: its ranks are not those of the machine.
        SolverError: no solver is known for its shape, or the one asked for is not for it.
    """
    for name, value, kind in (
        ("topology", topology, Topology),
        ("collective", collective, Collective),
        ("watch", watch, Watch),
        ("options", options, SolverOptions),
    ):
        of(name, value, kind)
    choose_solver(collective, options.solver)
    if not collective.ranks or max(collective.ranks) >= topology.ranks:
        listed = f"among the {topology.ranks} of {topology.name}"
        raise CollectiveError(f"{collective.name}: expected ranks {listed}")


def choose_solver(what: Collective, name: str | None = None) -> str:
    """Choose a solver for a collective: the first that suits it; ours come first.

    Args:
        what: the collective.
        name: of the solver that is asked for, if one is.

    Returns:
        its name in `SOLVERS`.

    Raises:
        SolverError: none is known, or the one that is asked for does not suit.
        ArgumentError: no solver has the name.
    """
    for each, known in _candidates(name):
        if known.suits(what):
            return each
    movement = what.shape.movement.value
    if name is not None:
        raise SolverError(f"{what.name}: solver {name!r} is not for its shape: {movement}")
    raise SolverError(f"{what.name}: no solver is known for its shape: {movement}")


def _candidates(name: str | None) -> Iterator[tuple[str, Solver]]:
    if name is None:
        return SOLVERS.items()
    return iter([(name, SOLVERS.get(name))])


def run_solver(
    name: str,
    topology: Topology,
    collective: Collective,
    group: Group,
    watch: Watch,
    options: SolverOptions,
) -> Schedule:
    """Let the solver of a name search.

    Args:
        name: one of `SOLVERS`.
        topology: the machine.
        collective: one that suits the solver.
        group: automorphisms of the machine that keep the collective.
        watch: says when to stop.
        options: what the solver has to keep to, if it can.

    Raises:
        Infeasible: no schedule exists.
        NotFound: none was found in the time given.
        LimitError: none is known within the limits.
        SolverError: a solver of others fails, or gives something else than a schedule of this.
    """
    known = SOLVERS.get(name)
    more = {"options": options} if known.limited else {}
    if SOLVERS.is_ours(name):
        return known.solve(topology, collective, group, watch, **more)
    try:
        found = known.solve(topology, collective, group, watch, **more)
    except CommplanError:
        raise
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise SolverError(f"solver {name!r} failed: {why}") from error
    if not isinstance(found, Schedule):
        raise SolverError(f"solver {name!r} gave a {type(found).__name__}, expected a Schedule")
    if found.topology is not topology or found.collective is not collective:
        raise SolverError(f"solver {name!r} gave a schedule of another machine or collective")
    return found
