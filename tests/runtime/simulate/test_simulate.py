from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from runtime.metrics.link_loads import algbw
from runtime.simulate.simulate import Simulation, simulate
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Transfer
from solvers.schedules.schedule import schedule as put_together
from solvers.schedules.unfold import unfold
from solvers.settings.options import SWITCHINGS
from solvers.solve import solve
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from topologies.model.topology import Link, Switch, build, frozen
from topologies.presets.shapes import full_mesh, leaf_spine, line, ring, star, torus
from topologies.symmetry.group import declared_group

ALPHA, RATE = 1e-6, 25e9
SIZE = 10**6
COUNTS = pytest.mark.parametrize("n", [2, 3, 5, 8])


def template(name, what, machine, root=None):
    return TEMPLATES[name][0](machine, collective(what, range(machine.ranks), root))


def seconds(schedule, size=SIZE, switching="cut-through", chunks=1, lead=1):
    return simulate(schedule, size, switching, chunks, lead=lead).seconds


def near(value):
    return pytest.approx(value, rel=1e-6)


@COUNTS
@pytest.mark.parametrize("switching", SWITCHINGS)
def test_rings_take_the_textbook_time(n, switching):
    step = ALPHA + SIZE / n / RATE
    machine = ring(n)
    gather, both = (template("ring", what, machine) for what in ("all_gather", "all_reduce"))
    assert seconds(gather, switching=switching) == near((n - 1) * step)
    assert seconds(both, switching=switching) == near(2 * (n - 1) * step)


@COUNTS
def test_a_full_mesh_takes_one_message(n):
    for what in ("all_gather", "all_to_all", "reduce_scatter"):
        schedule = template("direct", what, full_mesh(n))
        assert seconds(schedule) == near(ALPHA + SIZE / n / RATE)


@pytest.mark.parametrize("name", ["all_gather", "all_to_all"])
def test_over_single_links_nothing_is_stored(name):
    schedule = solve(torus((3, 4)), collective(name, range(12)))
    through, stored = (seconds(schedule, switching=how, chunks=7) for how in SWITCHINGS)
    assert through == stored


@COUNTS
def test_a_switch_cuts_through_or_stores(n):
    schedule = template("direct", "all_to_all", star(n))
    block = SIZE / n / RATE
    assert seconds(schedule) == near(2 * ALPHA + (n - 1) * block)
    assert seconds(schedule, switching="store-and-forward") == near(2 * ALPHA + n * block)


@COUNTS
def test_a_binomial_broadcast_takes_a_logarithm_of_messages(n):
    schedule = template("binomial", "broadcast", full_mesh(n))
    assert seconds(schedule) == near((n - 1).bit_length() * (ALPHA + SIZE / RATE))


@pytest.mark.parametrize("chunks", [1, 2, 7, 64, 5000])
@pytest.mark.parametrize("switching", SWITCHINGS)
def test_a_chain_is_pipelined(chunks, switching):
    # 5000 chunks are not played one by one, and the closed form is exact all the same.
    schedule = template("ring", "broadcast", line(5))
    expected = (chunks + 4 - 1) * (ALPHA + SIZE / chunks / RATE)
    assert seconds(schedule, SIZE, switching, chunks) == near(expected)


def with_overhead(machine, overhead):
    return replace(machine, overhead=frozen(np.full(machine.ranks, overhead)))


@COUNTS
def test_overhead_makes_a_sender_send_one_after_the_other(n):
    overhead = 1e-5
    schedule = template("direct", "scatter", with_overhead(full_mesh(n), overhead))
    last = ALPHA + SIZE / n / RATE
    assert seconds(schedule) == near((n - 1) * overhead + last + overhead)
    found = simulate(schedule, SIZE, chunks=1).bottleneck
    if n == 8:
        assert (found.kind, found.station) == ("endpoint", "rank r0 sending")


def two_links(first, second):
    links = [Link("a", "s", Fraction(first), ALPHA), Link("s", "b", Fraction(second), ALPHA)]
    return build("two", ["a", "b"], [Switch("s")], links)


@pytest.mark.parametrize(("first", "second"), [(10**9, 10**9), (10**9, 10**8), (10**8, 10**9)])
def test_the_slower_of_two_links_sets_the_pace(first, second):
    schedule = template("direct", "broadcast", two_links(first, second))
    assert seconds(schedule) == near(2 * ALPHA + SIZE / min(first, second))
    stored = seconds(schedule, switching="store-and-forward")
    assert stored == near(2 * ALPHA + SIZE / first + SIZE / second)


def test_a_fast_link_serves_others_while_it_waits_for_a_tail():
    links = [
        Link("slow", "s", Fraction(10**8)),
        Link("fast", "s", Fraction(10**9)),
        Link("s", "to", Fraction(10**9)),
    ]
    machine = build("funnel", ["fast", "slow", "to"], [Switch("s")], links)
    what = collective("gather", range(3), 2)
    sends = [Transfer(1, 0, 1, 2, (0, 2)), Transfer(0, 0, 0, 2, (1, 2))]
    schedule = put_together(machine, what, [(b, Fraction(1)) for b in range(3)], sends, UNPROVED)
    assert seconds(schedule, 3 * SIZE) == near(SIZE / 10**8)


def test_a_rank_waits_for_its_messages_before_the_next_step():
    machine = build(
        "chain",
        ["a", "b", "c"],
        [],
        [Link("a", "b", Fraction(10**8)), Link("b", "c", Fraction(10**9))],
    )
    what = collective("all_gather", range(3))
    pieces = [(b, Fraction(1)) for b in range(3)]
    # b's own block leaves in step 1 only, after the slow message of step 0 has come.
    sends = [Transfer(0, 0, 0, 1, (0,)), Transfer(1, 1, 1, 2, (1,))]
    schedule = put_together(machine, what, pieces, sends, UNPROVED)
    assert seconds(schedule, 3 * SIZE) == near(SIZE / 10**8 + SIZE / 10**9)


def rotated_all_gather(machine, steps):
    """Let a representative block follow the ways of the first rank, under the declared group."""
    whole = template("direct", "all_gather", machine)
    rows = [whole.transfers[t] for t in np.flatnonzero(whole.transfers.piece == 0)]
    sends = [t._replace(piece=0, step=t.step + steps * i) for i, t in enumerate(rows)]
    group = declared_group(machine)
    piece = whole.collective.ranks.index(0)
    return put_together(machine, whole.collective, [(piece, Fraction(1))], sends, UNPROVED, group)


FREE = [ring(5), torus([3, 3]), torus([2, 4]), star(5), full_mesh(4)]


@pytest.mark.parametrize("machine", FREE, ids=lambda machine: machine.name)
@pytest.mark.parametrize("switching", SWITCHINGS)
@pytest.mark.parametrize("chunks", [1, 3, 40])
@pytest.mark.parametrize("steps", [0, 1])
def test_representatives_take_the_time_of_the_whole(machine, switching, chunks, steps):
    schedule = rotated_all_gather(with_overhead(machine, 3e-7), steps)
    assert schedule.group.order == machine.ranks
    folded = simulate(schedule, SIZE, switching, chunks)
    whole = simulate(unfold(schedule), SIZE, switching, chunks)
    assert folded.seconds == whole.seconds
    assert folded.bottleneck.busy == whole.bottleneck.busy


@pytest.mark.parametrize("machine", [leaf_spine(2, 2, 2), leaf_spine(4, 2, 2)])
@pytest.mark.parametrize("switching", SWITCHINGS)
@pytest.mark.parametrize("chunks", [1, 8])
def test_images_that_share_a_link_take_about_the_time_of_the_whole(machine, switching, chunks):
    schedule = rotated_all_gather(machine, 0)
    folded = seconds(schedule, SIZE, switching, chunks)
    whole = seconds(unfold(schedule), SIZE, switching, chunks)
    assert folded == pytest.approx(whole, rel=0.25)


def test_no_schedule_beats_what_its_links_can_carry(small_machine):
    for name, what in ((name, what) for name, (_, kinds) in TEMPLATES.items() for what in kinds):
        try:
            schedule = template(name, what, small_machine)
        except TemplateError:
            continue
        rate = algbw(schedule)
        for switching in SWITCHINGS:
            found = simulate(schedule, SIZE, switching, 3)
            if rate is None:
                assert found.algbw is None, name
            else:
                assert found.algbw <= float(rate) * (1 + 1e-9), name
                assert found.bottleneck.busy <= 1, name


def test_much_data_in_many_chunks_comes_close_to_the_bound():
    schedule = template("ring", "all_reduce", ring(4))
    found = simulate(schedule, 10**10, chunks=1)
    assert found.algbw == pytest.approx(float(algbw(schedule)), rel=1e-4)
    assert found.busbw == pytest.approx(RATE, rel=1e-4)
    assert found.bottleneck.kind == "link"
    assert str(found.bottleneck).endswith("is busy 100% of the time")


def test_little_data_waits_for_latency():
    found = simulate(template("ring", "all_reduce", ring(4)), 4, chunks=1)
    assert found.bottleneck.kind == "latency"
    assert found.steps == 6


def test_a_rank_alone_needs_no_time():
    found = simulate(template("ring", "all_reduce", ring(1)), SIZE)
    assert isinstance(found, Simulation)
    assert (found.seconds, found.algbw, found.busbw, found.steps) == (0, None, None, 0)
    assert str(found.bottleneck) == "nothing moves"


def test_chunks_are_chosen_when_none_are_given():
    schedule = template("ring", "broadcast", line(5))
    found = simulate(schedule, 10**9)
    assert found.chunks > 1
    assert found.seconds < seconds(schedule, 10**9)


def test_mistaken_arguments_are_named():
    schedule = template("ring", "all_gather", ring(3))
    with pytest.raises(
        ValueError, match="switching: found 'wormhole', expected cut-through or store"
    ):
        simulate(schedule, SIZE, "wormhole")
    with pytest.raises(ValueError, match="chunks: found 0, expected a whole number from 1"):
        simulate(schedule, SIZE, chunks=0)


def test_hours_of_data_do_not_overflow():
    schedule = template("ring", "all_reduce", ring(3))
    assert seconds(schedule, 10**18) == near(4 * (ALPHA + 10**18 / 3 / RATE))


def test_ways_around_a_circle_of_switches_are_played():
    links = [Link(f"s{i}", f"s{(i + 1) % 3}", Fraction(10**9), ALPHA) for i in range(3)]
    links += [Link(f"r{i}", f"s{i}", Fraction(10**9), ALPHA, duplex=True) for i in range(3)]
    machine = build("carousel", ["r0", "r1", "r2"], [Switch(f"s{i}") for i in range(3)], links)
    schedule = template("direct", "all_to_all", machine)
    # A link of the circle carries two blocks of its own rank, then one that came the longer way.
    assert seconds(schedule) == near(3 * (ALPHA + SIZE / 3 / 10**9))


def test_small_messages_between_two_ranks_cost_one_overhead():
    machine, overhead = with_overhead(full_mesh(2), 1e-5), 1e-5
    what = collective("all_gather", range(2))
    links = {(int(a), int(b)): i for i, (a, b) in enumerate(zip(machine.src, machine.dst))}  # noqa: B905
    pieces = [(b, Fraction(1, 4)) for b in range(2) for _ in range(4)]
    sends = [Transfer(p, 0, p // 4, 1 - p // 4, (links[p // 4, 1 - p // 4],)) for p in range(8)]
    schedule = put_together(machine, what, pieces, sends, UNPROVED)
    for joined, messages in ((2**14, 1), (10, 4)):
        found = simulate(schedule, 800, chunks=1, joined=joined)
        assert found.seconds == pytest.approx((messages + 1) * overhead + ALPHA, rel=1e-2)


@pytest.mark.parametrize("machine", [ring(6), torus([3, 3]), star(4)], ids=lambda m: m.name)
def test_representatives_join_what_the_whole_joins(machine):
    schedule = solve(with_overhead(machine, 3e-6), collective("all_to_all", range(machine.ranks)))
    assert schedule.group.order > 1
    for joined in (0, 2**14):
        times = [
            simulate(s, 10**4, joined=joined, chunks=1).seconds
            for s in (schedule, unfold(schedule))
        ]
        assert times[0] == pytest.approx(times[1], rel=1e-4)
