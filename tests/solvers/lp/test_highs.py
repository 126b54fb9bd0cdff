from threading import Timer

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from solvers.lp import highs
from solvers.lp.highs import ask, take_apart
from solvers.settings.deadline import NotFound, Watch

# Minimise x + 2 y where x + y = 3 and x <= 2.
PROBLEM = {
    "cost": np.array([1.0, 2.0]),
    "totals": np.array([3.0]),
    "limits": np.array([2.0]),
    **take_apart("equal", csr_matrix(np.array([[1.0, 1.0]]))),
    **take_apart("below", csr_matrix(np.array([[1.0, 0.0]]))),
}


def test_a_program_is_solved_in_another_process_that_stays():
    answers = [ask("linprog", PROBLEM, {}, Watch(60.0)) for _ in range(2)]
    for answer in answers:
        assert answer["status"] == 0
        assert answer["x"].tolist() == [2.0, 1.0]
        assert answer["dual"].tolist() == [2.0, -1.0]
    assert len(highs._processes) == 1


def test_it_is_ended_when_the_work_is_stopped_and_started_anew(monkeypatch):
    watch, answered = Watch(600.0), highs._exchange

    def stopped(process, problem):
        Timer(0.1, watch.stop).start()
        return highs._receive(process.stdout)  # nothing was asked, so nothing comes

    monkeypatch.setattr(highs, "_exchange", stopped)
    with pytest.raises(NotFound, match="the time is over"):
        ask("linprog", PROBLEM, {}, watch)
    monkeypatch.setattr(highs, "_exchange", answered)
    assert ask("linprog", PROBLEM, {}, Watch(60.0))["status"] == 0


def test_what_was_asked_by_work_that_was_given_up_is_not_taken_for_the_next_answer(monkeypatch):
    exchange = highs._exchange

    def given_up(process, problem):
        highs._send(process.stdin, problem)
        raise SystemExit

    monkeypatch.setattr(highs, "_exchange", given_up)
    with pytest.raises(SystemExit):
        ask("linprog", PROBLEM | {"cost": np.array([5.0, 9.0])}, {}, Watch(60.0))
    monkeypatch.setattr(highs, "_exchange", exchange)
    assert ask("linprog", PROBLEM, {}, Watch(60.0))["cost"] == pytest.approx(4.0)


def test_a_process_that_the_system_kills_has_run_out_of_memory(monkeypatch):
    monkeypatch.setattr(highs, "_exchange", lambda process, _: process.kill())
    with pytest.raises(MemoryError, match="the linear program"):
        ask("linprog", PROBLEM, {}, Watch(60.0))
