"""An operation that failed has failed, however often one asks."""

import pytest

from commplan.communicator.requests import Operation
from runtime.execute.faults import BlockedError, ExecutionError


class Log:
    """Knows who is missing."""

    def absent(self):
        return "process 1, which did not call it"


class Owner:
    """Runs one operation."""

    log = Log()

    def progress(self, last):
        last.advance()

    def finish(self, last):
        last.complete()

    def patience(self):
        return 0.0


class Late:
    """A machine whose message never comes."""

    def wait(self):
        raise BlockedError("rank 0 blocked in step 0 waiting for rank 1")


def failing():
    yield None
    raise ExecutionError("process 0 calls one thing, process 1 another")


def waiting():
    yield Late()


def endless():
    while True:
        yield None


def test_an_error_in_a_step_is_not_taken_for_the_end():
    operation = Operation("all_reduce", failing(), Owner())
    assert not operation.Test()
    for ask in (operation.Test, operation.Test, operation.Wait, operation.Test):
        with pytest.raises(ExecutionError, match="one thing"):
            ask()
    assert not operation.done


def test_an_error_of_the_machine_stays():
    operation = Operation("all_reduce", waiting(), Owner())
    for ask in (operation.Wait, operation.Test, operation.Wait):
        with pytest.raises(ExecutionError, match="blocked in step 0"):
            ask()
    assert not operation.done


def test_waiting_too_long_for_the_others_stays():
    operation = Operation("all_reduce", endless(), Owner())
    for ask in (operation.Wait, operation.Test):
        with pytest.raises(BlockedError, match="waiting for process 1"):
            ask()
