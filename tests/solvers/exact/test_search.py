"""Exact small schedules: published optima, and an enumerator that shares nothing with the model."""

from collections import Counter
from fractions import Fraction
from itertools import product

import pytest
from ortools.sat.python import cp_model

from runtime.verify.verify import verify
from solvers.exact import search
from solvers.exact.search import FOUND, IMPOSSIBLE, OPEN, Instance, ScclSearch
from solvers.lp.linear_program import Infeasible
from solvers.schedules.collective import CollectiveError, all_gather
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.schedules.unfold import unfold
from solvers.settings.deadline import NotFound, Watch
from topologies.model.topology import Link, Switch, build
from topologies.presets.nvidia import dgx_1, dgx_a100
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import full_mesh, leaf_spine, line, ring, star, torus

RATES = tuple(Fraction(rate) for rate in (1, 2, 3))


def asked(topology, name, *point):
    """Ask, and have a schedule checked: by the checker, and against the rounds of each step."""
    answer = ScclSearch(topology, collective(name, range(topology.ranks))).ask(Instance(*point))
    if answer.verdict == FOUND:
        keeps_to_its_rounds(answer)
    return answer


def keeps_to_its_rounds(answer):
    report = verify(answer.schedule)
    assert report.correct, report.faults
    assert report.height <= answer.point.steps
    assert sum(answer.rounds) <= answer.point.rounds
    whole = unfold(answer.schedule)
    topology, load = whole.topology, Counter()
    for row in range(len(whole.transfers)):
        move = whole.transfers[row]
        for link in move.route:
            load[link, move.step] += 1
    for (link, step), count in load.items():
        assert count * topology.capacity.min() <= topology.capacity[link] * answer.rounds[step]


@pytest.mark.parametrize(
    ("name", "point", "verdict"),
    [
        ("all_gather", (2, 2, 1), FOUND),
        ("all_gather", (2, 3, 2), FOUND),
        ("all_gather", (2, 4, 3), IMPOSSIBLE),
        ("all_gather", (3, 7, 6), FOUND),
        ("all_gather", (3, 8, 7), IMPOSSIBLE),  # 7/6 is the least
        ("all_to_all", (3, 3, 1), FOUND),
        ("all_to_all", (2, 2, 1), IMPOSSIBLE),
        ("all_to_all", (2, 3, 1), FOUND),
        ("reduce_scatter", (2, 3, 2), FOUND),
        ("reduce_scatter", (2, 4, 3), IMPOSSIBLE),
        ("all_reduce", (4, 6, 2), FOUND),
        ("all_reduce", (4, 8, 3), IMPOSSIBLE),
        ("broadcast", (2, 2, 2), FOUND),
    ],
    ids=str,
)
def test_the_dgx_1_can_do_what_sccl_found_and_no_more(name, point, verdict):
    assert asked(dgx_1(), name, *point).verdict == verdict


def test_a_bandwidth_optimal_point_is_proved_optimal():
    assert verify(asked(dgx_1(), "all_gather", 3, 7, 6).schedule).optimal


def test_a_ring_of_eight_exchanges_in_eight_rounds_and_not_in_seven():
    assert asked(ring(8), "all_to_all", 4, 8, 1).verdict == FOUND
    assert asked(ring(8), "all_to_all", 8, 8, 1).verdict == FOUND
    answer = asked(ring(8), "all_to_all", 7, 7, 1)
    assert (answer.verdict, answer.reason) == (
        IMPOSSIBLE,
        "at least 8 rounds for each chunk (bound)",
    )
    assert asked(ring(8), "all_to_all", 3, 99, 1).reason == "a block takes 4 steps"


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize(
    "topology",
    [ring(3), line(3), full_mesh(4), star(4), torus([2, 2]), leaf_spine(2, 2, 2), dgx_a100()],
    ids=lambda each: each.name,
)
def test_every_collective_has_a_schedule_where_there_is_room(topology, name):
    exact = ScclSearch(topology, collective(name, range(topology.ranks)))
    steps = exact.least_steps + 2 * exact.parts
    answer = exact.ask(Instance(steps, 40 * exact.parts, 2))
    assert answer.verdict == FOUND
    keeps_to_its_rounds(answer)


def test_the_same_question_has_the_same_answer():
    first, second = (asked(dgx_1(), "all_gather", 3, 7, 6).schedule for _ in range(2))
    assert first.transfers.route.tolist() == second.transfers.route.tolist()
    assert first.transfers.step.tolist() == second.transfers.step.tolist()


def test_blocks_of_unequal_sizes_and_links_of_unequal_rates_are_counted():
    """Sizes 2 and 4 over links of rate 2 there and 3 back: 1 and 2 units, a round is one at 2."""
    links = [Link("a", "b", Fraction(2)), Link("b", "a", Fraction(3))]
    pair = build("pair", ["a", "b"], [], links)
    exact = ScclSearch(pair, all_gather((0, 1), [2, 4]))
    assert exact.least_ratio == Fraction(4, 3)
    assert exact.ask(Instance(1, 1, 1)).verdict == IMPOSSIBLE
    answer = exact.ask(Instance(1, 4, 3))
    assert answer.verdict == FOUND
    assert exact.seconds_per_size(answer.point) == Fraction(4, 3) * Fraction(2, 6) / 2


def test_switches_share_their_links_among_all_who_pass():
    """Two leaves, one narrow cable: the two blocks of one side need two rounds of it."""
    links = [Link(f"g{i}", f"s{i // 2}", Fraction(4), duplex=True) for i in range(4)]
    links.append(Link("s0", "s1", Fraction(1), duplex=True))
    names = [f"g{i}" for i in range(4)]
    machine = build("boxes", names, [Switch("s0"), Switch("s1")], links)
    assert asked(machine, "all_gather", 2, 2, 1).verdict == IMPOSSIBLE
    assert asked(machine, "all_gather", 2, 3, 1).verdict == FOUND
    assert asked(machine, "all_gather", 1, 3, 1).verdict == IMPOSSIBLE
    assert asked(machine, "all_gather", 1, 4, 1).verdict == FOUND


def test_what_takes_too_long_stays_open():
    exact = ScclSearch(torus([4, 4]), collective("all_to_all", range(16)))
    answer = exact.ask(Instance(5, 8, 1), Watch(0.0))
    assert (answer.verdict, answer.schedule) == (OPEN, None)


def test_that_the_engine_ran_out_of_time_is_noted(monkeypatch):
    """On a busy computer two runs of a command differed, and neither said what it had not tried."""
    watch = Watch(60)

    def stop(solver, program, part):
        solver.solve(program)
        part.stop()
        return cp_model.UNKNOWN

    monkeypatch.setattr(search, "_run", stop)
    stage = watch.stage(10, "exact schedules")
    asked = ScclSearch(ring(4), collective("all_gather", range(4)), stage)
    answer = asked.ask(Instance(2, 3, 2), stage.part(0.5))
    assert answer.verdict == OPEN
    assert watch.not_tried == ["exact schedules"]


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(Infeasible, match="cannot be reached"):
        ScclSearch(build("two", ["a", "b"], [], []), collective("all_gather", (0, 1)))
    many = leaf_spine(8, 64, 8)
    with pytest.raises(NotFound, match="more than 20000 paths from rank to rank"):
        ScclSearch(many, collective("all_gather", range(64)))
    wide = build("wide", ["a", "b"], [], [Link("a", "b", Fraction(r), 0, True) for r in (1, 2**45)])
    with pytest.raises(NotFound, match="wide: sizes and bandwidths of too many digits"):
        ScclSearch(wide, all_gather((0, 1), [2**30, 2**30 + 1])).ask(Instance(1, 2**31, 1))
    exact = ScclSearch(ring(3), collective("all_gather", range(3)))
    with pytest.raises(ValueError, match="expected numbers from 1"):
        exact.ask(Instance(1, 0, 1))


def test_a_collective_of_several_holders_and_several_wanters_is_refused():
    what = collective("all_reduce", range(3))
    for_two = (*what.outputs[:2], what.outputs[2][:0])
    odd = type(what)("some_reduce", what.ranks, what.sizes, what.inputs, for_two)
    with pytest.raises(CollectiveError, match="one holder or of one wanter"):
        ScclSearch(ring(3), odd)


# ---- Brute force: states and moves written out, with nothing taken from the model. ----


def links_between(topology):
    """List (src, dst, links) over direct links and over one switch, as tiny machines have them."""
    ends = list(enumerate(zip(topology.src.tolist(), topology.dst.tolist(), strict=True)))
    n = topology.ranks
    paths = [(a, b, (e,)) for e, (a, b) in ends if a < n and b < n]
    paths += [
        (a, c, (e, f))
        for e, (a, b) in ends
        for f, (b2, c) in ends
        if a < n <= b == b2 and c < n and a != c
    ]
    return paths


def room(topology, rounds):
    return {
        e: int(c) * rounds // int(topology.capacity.min()) for e, c in enumerate(topology.capacity)
    }


def copied(topology, what, steps, rounds, chunks):
    """Tell whether copies can reach everyone; state: the ranks that hold each piece."""
    paths = links_between(topology)
    pieces = [b for b in range(what.blocks) for _ in range(chunks)]
    goal = [frozenset(what.wanters[b].tolist()) for b in pieces]
    start = tuple(frozenset(what.holders[b].tolist()) for b in pieces)

    def after(state, left):
        """Give the states after a step; of those that hold more, the rest are left out."""
        moves = [
            (p, path)
            for p, held in enumerate(state)
            for path in paths
            if path[0] in held and path[1] not in held
        ]
        found = set()

        def choose(i, now, left):
            if i == len(moves):
                found.add(tuple(now))
                return
            p, (_, dst, links) = moves[i]
            fits = dst not in now[p] and all(left[e] > 0 for e in links)
            if fits:
                more = left | {e: left[e] - 1 for e in links}
                choose(i + 1, [*now[:p], now[p] | {dst}, *now[p + 1 :]], more)
            rest = Counter(e for _, path in moves[i:] for e in path[2])
            if not fits or any(left[e] < rest[e] for e in links):
                choose(i + 1, now, left)

        choose(0, list(state), left)
        return {
            a
            for a in found
            if not any(a != b and all(map(frozenset.issubset, a, b)) for b in found)
        }

    def reach(states, steps, rounds):
        if any(all(g <= h for g, h in zip(goal, state, strict=True)) for state in states):
            return True
        return bool(steps) and any(
            reach({b for a in states for b in after(a, room(topology, r))}, steps - 1, rounds - r)
            for r in range(1, rounds + 1)
        )

    return reach({start}, steps, rounds)


def summed(topology, root, steps, rounds):
    """Tell whether one piece's sum can reach the root; state: what each rank's value contains."""
    paths = links_between(topology)
    everyone = frozenset(range(topology.ranks))

    def after(state, left):
        for kinds in product(("", "add", "set"), repeat=len(paths)):
            sent = [(kind, *path) for kind, path in zip(kinds, paths, strict=True) if kind]
            load = Counter(e for *_, links in sent for e in links)
            if all(count <= left[e] for e, count in load.items()):
                now = [
                    received(state, v, [m for m in sent if m[2] == v]) for v in range(len(state))
                ]
                if None not in now:
                    yield tuple(now)

    def received(state, v, sent):
        """Give what a rank holds after its messages; None where they do not go together."""
        if any(kind == "set" for kind, *_ in sent):
            return state[sent[0][1]] if len(sent) == 1 else None
        parts = [state[v], *(state[src] for _, src, *_ in sent)]
        whole = frozenset().union(*parts)
        return whole if len(whole) == sum(map(len, parts)) else None

    def reach(states, steps, rounds):
        if any(state[root] == everyone for state in states):
            return True
        return bool(steps) and any(
            reach({b for a in states for b in after(a, room(topology, r))}, steps - 1, rounds - r)
            for r in range(1, rounds + 1)
        )

    return reach({tuple(frozenset([r]) for r in range(topology.ranks))}, steps, rounds)


TINY = [random_machine(seed, 3, seed % 2, RATES, density=0.0) for seed in range(12)]
SPARSE = [
    each
    for each in (random_machine(seed, 3, 0, RATES, density=0.0) for seed in range(30))
    if len(links_between(each)) <= 5
]
SMALL = [random_machine(seed, 4, 0, RATES, density=0.0) for seed in range(4)]


@pytest.mark.parametrize("name", ["all_gather", "broadcast", "gather", "scatter", "all_to_all"])
@pytest.mark.parametrize("topology", TINY, ids=lambda each: each.name)
def test_copies_are_possible_exactly_where_the_enumerator_says_so(topology, name):
    what = collective(name, range(3))
    exact = ScclSearch(topology, what)
    for point in product((1, 2), (2, 3), (1, 2) if name == "broadcast" else (1,)):
        agree(exact, Instance(*point))


@pytest.mark.parametrize("topology", SMALL, ids=lambda each: each.name)
def test_four_ranks_have_what_the_enumerator_finds(topology):
    exact = ScclSearch(topology, collective("broadcast", range(4)))
    for point in product((2, 3), (2, 3, 4), (1, 2)):
        agree(exact, Instance(*point))


def agree(exact, point):
    answer = exact.ask(point)
    expected = copied(exact.topology, exact.collective, *point)
    assert answer.verdict == (FOUND if expected else IMPOSSIBLE), point
    if expected:
        keeps_to_its_rounds(answer)


@pytest.mark.parametrize("topology", SPARSE, ids=lambda each: each.name)
def test_sums_are_possible_exactly_where_the_enumerator_says_so(topology):
    exact = ScclSearch(topology, collective("reduce", range(3), 1))
    for steps, rounds in product((1, 2, 3), (1, 2, 3)):
        answer = exact.ask(Instance(steps, rounds, 1))
        expected = summed(topology, 1, steps, rounds)
        assert answer.verdict == (FOUND if expected else IMPOSSIBLE), (steps, rounds)
