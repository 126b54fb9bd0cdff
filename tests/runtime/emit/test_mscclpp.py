"""Schedules as MSCCL++ plans, each executed; what a plan cannot say is refused."""

from fractions import Fraction

import pytest

from commplan.planning.planner import plan
from runtime.emit.mscclpp import emit as mscclpp
from runtime.emit.mscclpp.emit import make_plan
from runtime.emit.mscclpp.rounding import loss
from runtime.emit.targets import emit
from runtime.foreign.mscclpp.check import faults
from runtime.program.program import ProgramError
from solvers.schedules.kinds import collective
from solvers.settings.options import SolverOptions
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, build


def schedule(machine, name, **options):
    made = topology(machine)
    rooted = {"root": 1} if name in ("broadcast", "reduce", "gather", "scatter") else {}
    return plan(
        made, collective(name, range(made.ranks), **rooted), options=SolverOptions(**options)
    ).schedule


@pytest.mark.parametrize(
    "name",
    ["all_gather", "reduce_scatter", "all_reduce", "all_to_all", "broadcast", "reduce", "scatter"],
)
@pytest.mark.parametrize("machine", ["ring:4", "star:5", "line:3"])
def test_a_plan_is_right_by_signals_by_packets_and_in_place(machine, name):
    right = schedule(machine, name)
    ways = [{}, {"in-place": "yes"}, {"node": 2}, {"pipeline": 2}]
    if name not in ("broadcast", "reduce", "scatter"):
        ways += [{"protocol": "packet"}, {"protocol": "packet", "node": 2}]
    for options in ways:
        made, rounding = make_plan(right, **options)  # which executes it
        kinds = {c.channel_type for gpu in made.gpus for c in gpu.channels}
        assert rounding.loss == 0
        assert ("port" in kinds) == ("node" in options)
        assert made.packets == ("protocol" in options)


def test_boxes_talk_over_ports_and_the_rest_over_memory():
    made, _ = make_plan(schedule("dgx-a100:boxes=2", "all_gather"))
    for gpu in made.gpus:
        peers = {c.channel_type: set(c.connected_to) for c in gpu.channels}
        assert all(peer // 8 == gpu.id // 8 for peer in peers["memory"])
        assert all(peer // 8 != gpu.id // 8 for peer in peers["port"])


def test_every_change_of_an_operation_is_found():
    made, _ = make_plan(schedule("star:3", "all_reduce"))
    missed = []
    for gpu in made.gpus[:1]:
        for block in gpu.threadblocks:
            for place in range(len(block.ops)):
                gone = block.ops.pop(place)
                if not faults(made):
                    missed.append(gone.name)
                block.ops.insert(place, gone)
    # A fence behind a wait for a peer that another wait speaks of as well is not needed.
    assert missed in ([], ["nop"])


def test_the_same_schedule_has_the_same_bytes():
    texts = {emit(schedule("ring:4", "all_reduce"), "mscclpp") for _ in range(2)}
    assert len(texts) == 1


def test_uneven_shares_are_rounded_and_the_loss_is_told():
    uneven = schedule("dgx-2:boxes=2", "all_gather")
    with pytest.raises(ProgramError, match=r"--equal-chunks \d+ rounds them and loses"):
        make_plan(uneven)
    made, rounding = make_plan(uneven, **{"equal-chunks": 8})
    assert 0 < rounding.loss == loss(uneven, 8) <= Fraction(1, 20)
    assert {gpu.input_chunks for gpu in made.gpus} == {8}


@pytest.mark.parametrize(
    ("machine", "name"), [("dgx-h100", "all_reduce"), ("dgx-h100", "broadcast")]
)
def test_switches_that_copy_and_add_become_switch_channels(machine, name):
    made, rounding = make_plan(schedule(machine, name, in_network=True))
    names = {op.name for gpu in made.gpus for block in gpu.threadblocks for op in block.ops}
    assert names & {"glres", "gstore"}
    assert rounding.loss == (Fraction(1, 9) if name == "all_reduce" else 0)


def test_transfers_that_leave_the_shortest_route_are_told():
    links = [
        Link(rank, switch, Fraction(1), alpha, duplex=True)
        for rank in "ab"
        for switch, alpha in (("s", 1.0), ("t", 0.5))
    ]
    machine = build("two ways", ["a", "b"], [Switch("s"), Switch("t")], links)
    made = plan(machine, collective("all_gather", range(2))).schedule
    written = mscclpp.emit(made)
    assert written.fields["detours"] == len(made.transfers) * made.group.order / 2
    assert "transfers leave the shortest route" in written.notes[1]
    assert mscclpp.emit(schedule("ring:4", "all_gather")).fields["detours"] == 0


def test_the_plans_of_the_nccl_shim_have_its_names_and_sizes():
    made, _ = make_plan(
        schedule("dgx-a100:boxes=2", "all_reduce"),
        shim="allreduce_2nodes_1K_64K",
        protocol="packet",
    )
    assert (made.name, made.inplace) == ("allreduce_2nodes_1K_64K", True)
    assert (made.min_message_size, made.max_message_size) == (1024, 65536)


@pytest.mark.parametrize(
    ("machine", "name", "options", "said"),
    [
        ("ring:4", "broadcast", {"protocol": "packet"}, "by packets"),
        ("ring:4", "all_reduce", {"shim": "allreduce_2nodes_1K_64K"}, "of 16 ranks"),
        ("ring:4", "all_reduce", {"equal-chunks": 5000}, "at most 4096"),
        ("star:5", "all_gather", {"threadblocks": 1, "pipeline": 60}, "thread blocks"),
        ("ring:4", "all_gather", {"pipeline": 4000}, "chunks"),
    ],
)
def test_what_a_plan_cannot_say_is_refused_with_the_reason(machine, name, options, said):
    with pytest.raises(ProgramError, match=said):
        make_plan(schedule(machine, name), **options)


def test_unequal_blocks_and_sums_in_switches_are_refused():
    ring = topology("ring:4")
    unequal = plan(ring, collective("all_gatherv", range(4), blocks=[1, 2, 3, 4])).schedule
    with pytest.raises(ProgramError, match="different sizes"):
        emit(unequal, "mscclpp")
    with pytest.raises(ProgramError, match="in switches only"):
        emit(schedule("dgx-h100", "reduce", in_network=True), "mscclpp")
