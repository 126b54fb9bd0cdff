"""Schedules of others: read, executed, and put into the words of ours."""

import json
from itertools import pairwise, permutations

import pytest

from runtime.emit.targets import emit
from runtime.foreign import msccl
from runtime.foreign.errors import ForeignError
from runtime.foreign.moved import Move, in_steps
from runtime.foreign.reading import load_foreign
from runtime.foreign.sends import Send, schedule_from
from runtime.interpret.check import faults as program_faults
from runtime.program.lower import lower
from runtime.verify.verify import verify
from solvers.schedules.kinds import collective
from tests.runtime.emit.test_mscclpp import schedule
from topologies.formats.spec import topology


def ring_sends(ranks):
    """Write an all_gather around a ring."""
    return [
        ((block + step) % ranks, (block + step + 1) % ranks, block, step)
        for block in range(ranks)
        for step in range(ranks - 1)
    ]


def ring_reduce(ranks):
    """Write an all_reduce around a ring: sums go round once, and then again as they are."""
    return [
        ((part + step) % ranks, (part + step + 1) % ranks, (0, part), step)
        for part in range(ranks)
        for step in range(2 * ranks - 2)
    ]


def is_right(found):
    report = verify(found)
    assert report.faults == ()
    program = lower(found, 4 * found.collective.total * 7)
    assert program_faults(program, found.collective) == []
    return report


def test_a_list_of_sends_is_a_schedule():
    ring = topology("ring:5")
    gathered = schedule_from(ring_sends(5), ring, collective("all_gather", range(5)))
    assert (is_right(gathered).height, len(gathered.transfers)) == (4, 20)
    summed = schedule_from(ring_reduce(5), ring, collective("all_reduce", range(5)))
    assert (is_right(summed).height, summed.pieces) == (8, 5)
    assert summed.transfers.reduce.sum() == 20


def test_a_rank_that_would_lose_its_part_by_passing_on_is_named():
    """A ring on a torus whose rows do not end beside each other: 2 and 3 are joined through 0."""
    torus, ranks = topology("torus:2x3"), range(6)
    ring = [((b + 1 + s) % 6, (b + 2 + s) % 6, b, s) for b in ranks for s in range(5)]
    with pytest.raises(ForeignError, match=r"rank 2 reaches rank 3 .* rank 0 would lose"):
        schedule_from(ring, torus, collective("reduce_scatter", ranks))
    snake = [0, 1, 2, 5, 4, 3]
    along = [(snake[src], snake[dst], snake[b], s) for src, dst, b, s in ring]
    assert verify(schedule_from(along, torus, collective("reduce_scatter", ranks))).correct
    around = [((b + s) % 6, (b + s + 1) % 6, b, s) for b in ranks for s in range(5)]
    assert verify(schedule_from(around, torus, collective("all_gather", ranks))).correct


def test_equal_ways_are_used_evenly_and_long_ones_are_relayed():
    # Two planes of two switches; and on a line the rank between passes on.
    planes = topology("dgx-h100")
    pair = schedule_from([(0, 1, 0, 0)], planes, collective("broadcast", range(2)))
    assert pair.pieces == 4
    line = schedule_from(
        [(0, 2, 0, 0), (0, 1, 0, 1)], topology("line:3"), collective("broadcast", range(3))
    )
    assert is_right(line).height == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((0, 4, 0, 0), "dst: found 4"),
        ((0, 1, 9, 0), "block: found 9"),
        ((0, 1, (0, 2**20), 0), "part: found"),
        ((0, 1, 0, -1), "step: found -1"),
        ((1, 1, 0, 0), "sends to itself"),
        ((0, 1), "expected (src, dst, piece, step)"),
        ("0123", "expected (src, dst, piece, step)"),
        ((0, 1, (0, 1, 2), 0), "a piece is"),
        (Send(0, 1, 0, 0, None, (2,)), "no link"),
    ],
)
def test_a_send_that_is_none_is_refused(row, said):
    what = collective("all_gather", range(4))
    with pytest.raises(ForeignError) as caught:
        schedule_from([row], topology("ring:4"), what)
    assert said in str(caught.value)


def test_what_is_sent_before_something_came_does_not_carry_it():
    # All send their own part first, whatever order was seen; sums go out when they are whole.
    first = [Move((0, 0), a, b, 1 << a) for a, b in permutations(range(3), 2)]
    assert {send.step for send in in_steps(first)} == {0}
    # Rank 1 sends its sum with each of two others, and never both.
    late = [(2, 1, 0b0100), (0, 1, 0b0001), (1, 3, 0b0110), (1, 0, 0b0011)]
    with pytest.raises(ForeignError, match="sends on less than it holds"):
        in_steps([Move((0, 0), *move) for move in late])


TEXT = """
# around
collective all_reduce
{}
"""


def test_a_text_of_ones_own_is_read(tmp_path):
    ring = topology("ring:4")
    lines = "\n".join(
        f"{s} -> {ring.names[d]}: 0.{p[1]} {t} # by number, to a name"
        for s, d, p, t in ring_reduce(4)
    )
    (tmp_path / "ring.txt").write_text(TEXT.format(lines))
    found = load_foreign(tmp_path / "ring.txt", ring)
    assert is_right(found).height == 6
    (tmp_path / "ring.txt").write_text(TEXT.format(lines), encoding="utf-8-sig")
    assert is_right(load_foreign(tmp_path / "ring.txt", ring)).height == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("collective all_reduce\n0 -> 9: 0 0", "line 2: no rank '9', of 4"),
        ("collective all_reduce\n0 => 1: 0 0", "line 2: '0 => 1: 0 0', expected"),
        ("collective all_reduce\ncollective all_gather", "line 2: a second collective"),
        (
            "collective all_reduce\n0 -> 1: 0 0\n0 -> 9: 0 0\n8 -> 1: 0 0\n",
            "line 3: no rank '9', of 4; line 4: no rank '8', of 4",
        ),
        ("0 -> 9: 0 0\n" * 7, "; line 5: no rank '9', of 4; and others"),
        ("0 -> 1: 0 0", "which collective?"),
        ("collective all_sort\n0 -> 1: 0 0", "all_sort"),
        ("hello", "expected MSCCL XML"),
        ("\xff\xfe", "expected MSCCL XML"),
        ("{}", "no MSCCL"),
        ('{"format": "commplan/schedule/1"}', "a schedule of commplan already"),
        ('{"format": "commplan/topology/1"}', "found a topology, expected MSCCL XML"),
        ('{"7-Flows": 3}', "no output of TE-CCL"),
        ('{"7-Flows": ["x"], "8-Chunk paths": {}}', "no demand"),
        ('{"7-Flows": [], "8-Chunk paths": {"x": []}}', "no demand of TE-CCL"),
        ("<algo/>", "no MSCCL algorithm"),
        ("<algo", "no MSCCL algorithm"),
        ("<Algo/>", "no trees of ForestColl"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><algo>&b;</algo>', "expected MSCCL XML"),
        ("<!DOCTYPE a><algo>&b;</algo>", "no MSCCL algorithm"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(tmp_path, text, said):
    (tmp_path / "x").write_text(text)
    with pytest.raises(ForeignError) as caught:
        load_foreign(tmp_path / "x", topology("ring:4"))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_plans_of_our_own_come_back_as_they_were(tmp_path):
    for machine, name, target in [
        ("ring:4", "all_reduce", "mscclpp"),
        ("star:5", "all_gather", "mscclpp:protocol=packet"),
        ("line:3", "all_to_all", "mscclpp:in-place=yes"),
        ("ring:4", "reduce_scatter", "mscclpp:node=2"),
        ("star:5", "broadcast", "mscclpp"),
    ]:
        made = schedule(machine, name)
        (tmp_path / "plan.json").write_text(emit(made, target))
        found = load_foreign(tmp_path / "plan.json", made.topology)
        assert is_right(found).algbw == verify(made).algbw
        assert found.collective.root == made.collective.root


def output(hops, **demands):
    """Write what TE-CCL puts out for whole chunks: (chunk, source, from, to, epoch) each."""
    flows = [
        f"Chunk {c} from {s} traveled over {a}->{b} in epoch {e} via switches 0"
        for c, s, a, b, e in hops
    ]
    met = {
        f"Demand at {b} for chunk {c} from {s} met by epoch {e}": [f"{a}->{b} in epoch {e}"]
        for c, s, a, b, e in hops
    }
    return json.dumps({"1-Epoch_Duration": 1e-9, "7-Flows": flows, "8-Chunk paths": met | demands})


def test_whole_chunks_of_te_ccl_are_read(tmp_path):
    """Switches have numbers too, and flows of one epoch stand in any order."""
    path = tmp_path / "out.json"
    gathered = [(c, s, s, s % 3 + 1, 0) for s in (1, 2, 3) for c in (0, 1)]
    gathered += [(c, s, s % 3 + 1, (s + 1) % 3 + 1, c) for s in (1, 2, 3) for c in (1, 0)]
    path.write_text(output(gathered[::-1]))
    found = load_foreign(path, topology("star:3"))
    assert (is_right(found).height, found.collective.name) == (2, "all_gather")
    pairs = [(b, a, a, b, 0) for a, b in permutations((0, 4, 9), 2)]
    for hops, name, root in [
        (pairs, "all_to_all", None),
        (pairs[:2], "scatter", 0),
        ([hop for hop in pairs if hop[3] == 4], "gather", 1),
        ([(0, 4, 4, 9, 0), (0, 4, 9, 0, 1)], "broadcast", 1),
    ]:
        path.write_text(output(hops))
        found = load_foreign(path, topology("star:3"))
        assert (is_right(found) and found.collective.name, found.collective.root) == (name, root)
    late = [(0, 4, 4, 9, 1), (0, 4, 9, 0, 0)]  # 9 sends on before it has anything
    path.write_text(output(late))
    assert not verify(load_foreign(path, topology("star:3"))).correct


def divided(*ways):
    """Write paths with volumes for one demand: (volume, vertices) each."""
    return [
        [
            [epoch, f"{a}->{b} with volume {volume} in epoch {epoch} via switches 8->9"]
            for epoch, (a, b) in enumerate(pairwise(vertices))
        ]
        for volume, vertices in ways
    ]


def test_divided_chunks_of_te_ccl_are_read(tmp_path):
    """Who neither sends nor receives of its own passes on; volumes are parts of a chunk."""
    met = {
        f"Demand at {b} for chunk {b} from {a} met by epoch 1": divided(
            (0.25, (a, b)), (0.333333, (a, 1, b)), (0.416667, (a, b))
        )
        for a, b in permutations((0, 2, 5), 2)
    }
    path = tmp_path / "out.json"
    path.write_text(json.dumps({"7-Flows": [], "8-Chunk paths": met}))
    found = load_foreign(path, topology("star:4"))
    assert (is_right(found).height, found.collective.name) == (2, "all_to_all")
    assert found.collective.ranks == (0, 2, 3)
    for ways, said in [
        (divided((0.5, (0, 2))), "paths of 0.5, expected 1 in all"),
        (divided((1.0, (0, 1))), "no path from 0 to 2"),
        (divided((2.0, (0, 2))), "none of a chunk"),
        ([[[0, "0->2"]]], "no path of TE-CCL"),
        ([[]], "no path of TE-CCL"),
    ]:
        path.write_text(json.dumps({"7-Flows": [], "8-Chunk paths": {next(iter(met)): ways}}))
        with pytest.raises(ForeignError, match=said):
            load_foreign(path, topology("star:4"))


def tree(root, index, sends):
    lines = "".join(
        f"""<send src="(0, 'GPU', {a})" dst="(0, 'GPU', {b})" path="x"/>""" for a, b in sends
    )
    return f"""<tree root="(0, 'GPU', {root})" index="{index}" nchunks="1">{lines}</tree>"""


def test_trees_of_forestcoll_are_read(tmp_path):
    trees = [
        tree(root, side, [(root, (root + turn) % 3), ((root + turn) % 3, (root + 2 * turn) % 3)])
        for root in range(3)
        for side, turn in enumerate((1, 2))
    ]
    (tmp_path / "trees.xml").write_text(f'<Algo nchunkspernode="2">{"".join(trees)}</Algo>')
    found = load_foreign(tmp_path / "trees.xml", topology("ring:3"))
    assert (is_right(found).height, found.pieces) == (2, 6)
    plain = "".join(trees).replace("(0, 'GPU', ", "").replace(")", "")
    (tmp_path / "trees.xml").write_text(f'<Algo nchunkspernode="2">{plain}</Algo>')
    assert is_right(load_foreign(tmp_path / "trees.xml", topology("ring:3"))).height == 2
    (tmp_path / "trees.xml").write_text(f'<Algo nchunkspernode="2">{trees[0]}</Algo>')
    with pytest.raises(ForeignError, match="expected 2 of all"):
        load_foreign(tmp_path / "trees.xml", topology("ring:3"))


def msccl_ring(ranks=3, spoil=lambda text: text):
    """Write a ring all_reduce in place, with fused steps, as msccl-tools does."""
    gpus = []
    for r in range(ranks):
        kinds = [("s", r)]
        kinds += [("rrs", (r - i) % ranks) for i in range(1, ranks - 1)]
        kinds += [("rrcs", (r + 1) % ranks)]
        kinds += [("rcs", (r - i) % ranks) for i in range(ranks - 2)]
        kinds += [("r", (r + 2) % ranks)]
        steps = "".join(
            f'<step s="{i}" type="{k}" srcbuf="i" srcoff="{c}" dstbuf="i" dstoff="{c}" cnt="1" '
            f'depid="-1" deps="-1" hasdep="0"/>'
            for i, (k, c) in enumerate(kinds)
        )
        gpus.append(
            f'<gpu id="{r}" i_chunks="{ranks}" o_chunks="0" s_chunks="0"><tb id="0" '
            f'send="{(r + 1) % ranks}" recv="{(r - 1) % ranks}" chan="0">{steps}</tb></gpu>'
        )
    head = f'<algo name="ring" proto="Simple" nchannels="1" nchunksperloop="{ranks}" '
    head += f'ngpus="{ranks}" coll="allreduce" inplace="1">'
    return spoil(f"<!-- a ring -->\n{head}{''.join(gpus)}</algo>")


def test_an_algorithm_of_msccl_is_run_and_read(tmp_path):
    (tmp_path / "ring.xml").write_text(msccl_ring(4))
    found = load_foreign(tmp_path / "ring.xml", topology("ring:4"))
    assert (is_right(found).height, found.collective.name) == (6, "all_reduce")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('type="rrs"', 'type="r"', "without the peer|deadlock|does not receive|wrong"),
        ('type="rcs"', 'type="nop"', "deadlock|does not receive"),
        ('send="1"', 'send="-1"', "without the peer"),
        ('send="1"', 'send="0"', "expected other gpus"),
        ('cnt="1"', 'cnt="99"', "cnt is '99'"),
        ('depid="-1" deps="-1"', 'depid="0" deps="5"', "deadlock"),
        ('depid="-1"', 'depid="3"', "depid 3"),
        ('type="s"', 'type="jump"', "type 'jump'"),
        ('srcbuf="i"', 'srcbuf="q"', "srcbuf is 'q'"),
        ('nchunksperloop="3"', 'nchunksperloop="4"', "wrong"),
        ('coll="allreduce"', 'coll="allsort"', "no definition"),
        ('id="2"', 'id="7"', "expected those from 0"),
    ],
)
def test_a_wrong_algorithm_is_told_as_it_would_fail(tmp_path, old, new, said):
    (tmp_path / "x.xml").write_text(msccl_ring(spoil=lambda text: text.replace(old, new, 1)))
    with pytest.raises(ForeignError, match=said):
        load_foreign(tmp_path / "x.xml", topology("ring:3"))


def test_a_sender_that_runs_ahead_of_its_slots_stands_still():
    # Both send three times before they receive: two messages fit into a channel.
    step = '<step s="{}" type="{}" srcbuf="i" srcoff="0" dstbuf="o" dstoff="{}" cnt="1" '
    step += 'depid="-1" deps="-1"/>'
    kinds = ["s"] * 3 + ["r"] * 3
    body = "".join(step.format(i, kind, 0) for i, kind in enumerate(kinds))
    gpus = "".join(
        f'<gpu id="{r}"><tb id="0" send="{1 - r}" recv="{1 - r}" chan="0">{body}</tb></gpu>'
        for r in (0, 1)
    )
    machine = msccl.Machine(
        msccl.read(f'<algo coll="allgather" nchunksperloop="2" inplace="0">{gpus}</algo>')
    )
    with pytest.raises(ForeignError, match="deadlock: gpu 0, thread block 0, step 2"):
        machine.run()
