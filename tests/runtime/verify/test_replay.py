import numpy as np
import pytest

from runtime.verify import data
from runtime.verify.replay import suspects
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.schedules.unfold import unfold
from solvers.solve import solve
from solvers.templates import ring
from topologies.model.topology import frozen
from topologies.presets.shapes import full_mesh, torus

COLUMNS = ("piece", "step", "src", "dst", "reduce")


def whole(name, topology=None):
    topology = topology or torus([2, 3])
    return unfold(solve(topology, collective(name, range(topology.ranks))))


def one_by_one(schedule, monkeypatch):
    """Find the wrong pieces with the replay that writes the sentences."""
    with monkeypatch.context() as patch:
        patch.setattr(data, "suspects", lambda schedule: range(schedule.pieces))
        found = data.faults(schedule)
    return sorted({int(sentence.split()[1]) for sentence in found})


def changed(schedule, draw):
    """Drop, double, move or turn some transfers of a schedule, well formed or not."""
    rows = schedule.transfers
    chosen = np.sort(draw.integers(0, len(rows), len(rows) + int(draw.integers(-2, 3))))
    if draw.integers(2):
        chosen = np.arange(len(rows))
    made = rows.rows(chosen)
    columns = {name: getattr(made, name).copy() for name in (*COLUMNS, "route_start", "route")}
    for row in draw.integers(0, len(made), 2):
        column = COLUMNS[int(draw.integers(1, 5))]
        values = {"step": 4, "src": 6, "dst": 6, "reduce": 2}
        columns[column][row] = draw.integers(values[column])
    order = np.lexsort((columns["step"], columns["piece"]))
    rows = type(rows)(**{name: frozen(column) for name, column in columns.items()}).rows(order)
    return type(schedule)(**{**_fields(schedule), "transfers": rows})


def _fields(schedule):
    return {name: getattr(schedule, name) for name in schedule.__dataclass_fields__}


@pytest.mark.parametrize("name", COLLECTIVES)
def test_right_schedules_are_not_suspected(name):
    assert suspects(whole(name)) == []


@pytest.mark.parametrize("name", COLLECTIVES)
def test_the_pieces_that_go_wrong_are_those_that_a_slow_replay_finds(name, monkeypatch):
    schedule, wrong = whole(name), 0
    for seed in range(40):
        mutant = changed(schedule, np.random.default_rng(seed))
        expected = one_by_one(mutant, monkeypatch)
        assert suspects(mutant) == expected
        wrong += bool(expected)
    assert wrong > 10


def test_more_holders_than_bits_in_a_word_are_told_apart(monkeypatch):
    topology = full_mesh(70)
    schedule = ring.schedule(topology, collective("reduce_scatter", range(70)))
    assert suspects(schedule) == []
    lost = schedule.transfers.rows(np.delete(np.arange(len(schedule.transfers)), 35))
    mutant = type(schedule)(**{**_fields(schedule), "transfers": lost})
    assert suspects(mutant) == one_by_one(mutant, monkeypatch) == [int(lost.piece[35])]


def test_pieces_are_replayed_in_batches_where_memory_is_short(monkeypatch):
    monkeypatch.setattr("runtime.verify.replay.ROOM", 50)
    for name in sorted(ROOTED):
        schedule = whole(name)
        assert suspects(schedule) == []
        lost = schedule.transfers.rows(np.arange(len(schedule.transfers) - 1))
        mutant = type(schedule)(**{**_fields(schedule), "transfers": lost})
        assert suspects(mutant) == one_by_one(mutant, monkeypatch) != []
