from fractions import Fraction

from solvers.schedules.certificate import UNPROVED
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Transfer, schedule
from solvers.schedules.text import piece_text, schedule_text
from topologies.formats.spec import topology


def test_a_schedule_and_the_tree_of_a_piece_are_written_out(solved, golden):
    made = solved(topology("star:3"), "all_reduce")
    golden("star_all_reduce_3.txt", f"{made}\n\n{piece_text(made, 0)}\n")


def test_every_transfer_is_written_once(solved):
    made = solved(topology("torus:2x4"), "all_to_all")
    lines = schedule_text(made, None).splitlines()
    assert sum("->" in line for line in lines) == len(made.transfers)
    paths = [piece_text(made, piece, None).splitlines()[1:] for piece in range(made.pieces)]
    assert sum(map(len, paths)) == len(made.transfers)


def test_what_is_left_out_is_counted(solved):
    made = solved(topology("torus:3x3"), "all_reduce")
    whole, cut = (schedule_text(made, most).splitlines() for most in (None, 5))
    left = [int(line.split()[1]) for line in cut if line.startswith("...")]
    assert len(whole) - sum(left) == len(cut) - len(left)


def test_what_is_no_tree_is_written_in_order():
    machine = topology("full-mesh:4")
    link = {pair: i for i, pair in enumerate(zip(machine.src, machine.dst, strict=True))}
    twice = [
        Transfer(0, step, a, a ^ 2**step, (link[a, a ^ 2**step],), True)
        for step in (0, 1)
        for a in range(4)
    ]
    made = schedule(
        machine, collective("all_reduce", range(4)), [(0, Fraction(1))], twice, UNPROVED
    )
    assert piece_text(made, 0).splitlines()[1:3] == [
        "  step 0: r0 -> r1, adds",
        "  step 0: r1 -> r0, adds",
    ]


def test_parallel_links_are_told_apart(tmp_path):
    (tmp_path / "two.json").write_text(
        '{"format": "commplan/topology/1", "name": "two", "ranks": ["a", "b"], "switches": [],'
        '"links": [{"src": "a", "dst": "b", "bandwidth_GBps": 1},'
        '{"src": "a", "dst": "b", "bandwidth_GBps": 2}]}'
    )
    machine = topology(str(tmp_path / "two.json"))
    what = collective("broadcast", range(2), 0)
    made = schedule(machine, what, [(0, Fraction(1))], [Transfer(0, 0, 0, 1, (1,))], UNPROVED)
    assert "a -> b (link 1)" in str(made)
