import numpy as np
import pytest

from runtime.verify.structure import faults as malformed
from runtime.verify.verify import verify
from solvers.demands.files import DemandError, save
from solvers.demands.matrix import demand
from solvers.demands.moe_tokens import place_experts, tokens
from solvers.flows.moe import first_variant, list_variants, route_tokens, tightest_cut, variants
from solvers.schedules.collective import CollectiveError
from solvers.schedules.files import to_bytes
from solvers.schedules.moe import combine, dispatch, group_tokens, tokens_of
from solvers.settings.deadline import NO_DEADLINE
from topologies.presets.huawei import atlas_a2
from topologies.presets.nvidia import dgx_a100
from topologies.presets.shapes import ring, star
from topologies.symmetry.group import trivial

MAKERS = pytest.mark.parametrize("make", [dispatch, combine])


def routing(ranks, tokens=12, top=3, seed=0, gaps=0.1):
    draw = np.random.default_rng(seed)
    chosen = draw.permuted(np.tile(np.arange(max(2 * ranks, top)), (ranks * tokens, 1)), axis=1)
    chosen = chosen[:, :top] * ranks // max(2 * ranks, top)
    return np.where(draw.random(chosen.shape) < gaps, -1, chosen)


def drawn(make, ranks, **figures):
    return make(tuple(range(ranks)), group_tokens(routing(ranks, **figures), ranks, 64))


def solved(machine, what):
    return route_tokens(machine, what, trivial(machine), NO_DEADLINE)


def test_tokens_that_go_the_same_way_are_one_block():
    places = np.array([[0, 1], [1, 0], [1, 1], [-1, -1], [2, 0], [-1, 2]])
    found = group_tokens(places, 3, 10)
    assert found.home.tolist() == [0, 1, 2, 2]
    assert found.visits.astype(int).tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1]]
    assert found.sizes.tolist() == [20, 10, 10, 10]
    what = dispatch((0, 4, 5), found)
    assert [own.tolist() for own in what.inputs] == [[0], [1], [2, 3]]
    assert [own.tolist() for own in what.outputs] == [[0, 3], [0, 1], [2, 3]]
    back = combine((0, 4, 5), found)
    assert [own.tolist() for own in back.inputs] == [[0, 3], [0, 1], [2, 3]]
    assert [own.tolist() for own in back.outputs] == [[0], [1], [2, 3]]


@MAKERS
def test_the_tokens_can_be_read_off_a_collective(make):
    what = drawn(make, 5)
    again = make(what.ranks, tokens_of(what))
    for ours, theirs in zip((*what.inputs, *what.outputs), (*again.inputs, *again.outputs)):  # noqa: B905
        assert np.array_equal(ours, theirs)


def test_a_copy_for_each_rank_is_what_the_matrix_of_the_same_description_counts():
    text = "node-limited:tokens=40:experts=32:seed=3"
    matrix = demand(f"{text}:copies=rank", 8)
    what = dispatch(tuple(range(8)), tokens(text, 8))
    got = [int(what.sizes[own].sum()) for own in what.outputs]
    assert got == matrix.sum(axis=0).tolist()


@MAKERS
@pytest.mark.parametrize(
    "machine", [ring(4), star(5), dgx_a100(2), atlas_a2(2)], ids=lambda machine: machine.name
)
def test_every_way_of_spreading_is_right_and_within_the_bound(make, machine):
    what = drawn(make, machine.ranks)
    bound = tightest_cut(machine, what)
    found = list(variants(machine, what, bound))
    assert found
    for _, made in found:
        report = verify(made)
        assert report.correct, report.faults
        assert report.algbw <= report.proved


@MAKERS
def test_a_box_is_entered_once_for_each_token(make):
    """Everyone's tokens go to all of the other box: one copy crosses, and the bound is reached."""
    visits = np.tile(np.arange(16).reshape(2, 8)[::-1], 1)
    places = np.repeat(visits, 8 * 4, axis=0)
    what = make(tuple(range(16)), group_tokens(places, 16, 100))
    machine = dgx_a100(2)
    report = verify(solved(machine, what))
    assert report.optimal
    each = verify(first_variant(machine, what, tightest_cut(machine, what)))
    assert report.algbw == 8 * each.algbw


@MAKERS
def test_ranks_without_tokens_and_a_rank_alone_are_no_trouble(make):
    places = np.full((12, 2), -1)
    places[5] = 3
    what = make(tuple(range(4)), group_tokens(places, 4, 8))
    assert verify(solved(star(4), what)).optimal
    assert verify(solved(ring(4), what)).correct
    alone = make((2,), group_tokens(np.array([[0], [0]]), 1, 8))
    assert verify(solved(ring(4), alone)).correct


@MAKERS
def test_a_layout_that_is_none_of_tokens_is_refused(make):
    what = drawn(make, 4)
    schedule = solved(star(4), what)
    moved = list(what.inputs)
    moved[0], moved[1] = moved[1], moved[0]
    wrong = type(what)(what.name, what.ranks, what.sizes, tuple(moved), what.outputs)
    changed = type(schedule)(star(4), wrong, *_rest(schedule))
    assert malformed(changed)


def _rest(schedule):
    names = ("block", "share", "transfers", "group", "bound")
    return [getattr(schedule, name) for name in names]


@pytest.mark.parametrize("lost", ["transfer", "addition"])
def test_lost_tokens_are_noticed(lost):
    what = drawn(combine, 16, tokens=4)
    schedule = solved(dgx_a100(2), what)
    assert verify(schedule).correct
    rows = schedule.transfers
    keep = np.arange(len(rows)) != len(rows) // 2 if lost == "transfer" else np.arange(len(rows))
    changed = rows.rows(np.flatnonzero(keep) if lost == "transfer" else keep)
    if lost == "addition":
        reduce = changed.reduce.copy()
        reduce[len(rows) // 2] = False
        changed = type(rows)(**{**vars(changed), "reduce": reduce})
    again = type(schedule)(
        schedule.topology, what, schedule.block, schedule.share, changed, schedule.group,
        schedule.bound,
    )  # fmt: skip
    assert not verify(again).correct


def test_files_and_descriptions_give_the_same_tokens(tmp_path):
    chosen = np.array([[0, 5], [3, -1], [7, 6], [2, 2]])
    for ending in (".csv", ".json", ".npy"):
        save(chosen, tmp_path / f"tokens{ending}")
        found = tokens(str(tmp_path / f"tokens{ending}"), 2, 10)
        assert found.home.tolist() == [0, 0, 1, 1]
        assert found.visits.astype(int).tolist() == [[1, 0], [1, 1], [0, 1], [1, 0]]
        assert found.sizes.tolist() == [10, 10, 10, 10]
    assert tokens("hot:tokens=3", 4).sizes.sum() == 4 * 3 * 7168


@pytest.mark.parametrize(
    ("chosen", "experts", "fault"),
    [
        (
            [[0, 9]],
            8,
            "f: row 1, column 2: found 9, expected an expert from 0 to 7, or -1 for none",
        ),
        ([[0], [-2]], None, "f: row 2, column 1: found -2, expected an expert from 0 to 0, or"),
        ([[-1, -1]], None, "f: no token has an expert"),
        ([[1]] * 3, None, "f: found 3 tokens, expected a multiple of the 2 ranks"),
    ],
)
def test_mistaken_routings_are_named(chosen, experts, fault):
    with pytest.raises(DemandError) as caught:
        place_experts("f", np.array(chosen), 1 if len(chosen) < 3 else 2, experts)
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("uniform", "uniform: it routes no tokens; hot, grouped and node-limited do"),
        ("hot:copies=rank", "hot:copies=rank: no parameter is named 'copies'; known: hot, share"),
        ("cold", "demand: no file and no distribution is named 'cold'"),
        ("none.npy", "none.npy: no such file or directory"),
    ],
)
def test_mistaken_descriptions_are_named(text, fault):
    with pytest.raises(DemandError) as caught:
        tokens(text, 4)
    assert str(caught.value).startswith(fault)


def test_tokens_that_visit_nobody_are_no_collective():
    with pytest.raises(CollectiveError, match="dispatch: expected tokens"):
        dispatch((0, 1), group_tokens(np.array([[-1], [-1]]), 2, 1))
    with pytest.raises(CollectiveError, match="combine: the ranks must be different"):
        combine((1, 0), group_tokens(np.array([[0], [0]]), 2, 1))


@MAKERS
def test_ways_of_spreading_that_the_solver_made_are_not_made_again(make, monkeypatch):
    machine = dgx_a100(2)
    what = drawn(make, machine.ranks)
    anew = list(list_variants(solved(machine, drawn(make, machine.ranks))))
    found = solved(machine, what)
    monkeypatch.setattr("solvers.flows.moe.variants", None)
    again = list(list_variants(found))
    assert [name for name, _ in again] == [name for name, _ in anew]
    for (_, one), (_, other) in zip(again, anew, strict=True):
        assert to_bytes(one) == to_bytes(other)
