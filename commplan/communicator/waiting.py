"""Waiting for several requests at once, ours and MPI's mixed, as mpi4py's Request has it."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeVar

from commplan.communicator.requests import Operation, nap

Several = Sequence[Any]  # of Operation, of mpi4py's Request, or None
Statuses = Sequence[Any] | None  # of mpi4py's Status; a Communicator's requests leave theirs alone
Found = TypeVar("Found")


class Requests:
    """The calls of mpi4py's Request over several requests, some of which a Communicator gave.

    A request whose end was told counts no more, as in MPI. Each look moves on all of them.
    """

    @staticmethod
    def Waitall(requests: Several, statuses: Statuses = None) -> bool:  # noqa: N802
        """Wait for all."""
        if all(isinstance(request, Operation) for request in requests):
            return all(request.Wait() for request in requests)  # each with its limit
        return _wait(lambda: Requests.Testall(requests, statuses) or None)

    @staticmethod
    def Waitany(requests: Several, status: Any = None) -> int:  # noqa: ANN401, N802
        """Wait for one, and give its place, or MPI.UNDEFINED if none is left."""

        def look() -> int | None:
            place, done = Requests.Testany(requests, status)
            return place if done else None

        return _wait(look)

    @staticmethod
    def Waitsome(requests: Several, statuses: Statuses = None) -> list[int] | None:  # noqa: N802
        """Wait for at least one, and give the places of all that are done; None if none is left."""
        if not any(map(_is_active, requests)):
            return None
        return _wait(lambda: Requests.Testsome(requests, statuses) or None)

    @staticmethod
    def Testall(requests: Several, statuses: Statuses = None) -> bool:  # noqa: N802
        """Go on with all; tell whether all are done, and of none that it is before."""
        done = [_is_done(request) for request in requests]
        return all(done) and all(
            _test(request, _at(statuses, i)) for i, request in enumerate(requests)
        )

    @staticmethod
    def Testany(requests: Several, status: Any = None) -> tuple[int, bool]:  # noqa: ANN401, N802
        """Give the place of one that is done, and True; True also if none is left."""
        from mpi4py import MPI

        left = [i for i, request in enumerate(requests) if _is_active(request)]
        for i in left:
            if _test(requests[i], status):
                return i, True
        return MPI.UNDEFINED, not left

    @staticmethod
    def Testsome(requests: Several, statuses: Statuses = None) -> list[int] | None:  # noqa: N802
        """Give the places of those that are done; None if none is left."""
        left = [i for i, request in enumerate(requests) if _is_active(request)]
        done: list[int] = []
        for i in left:
            if _test(requests[i], _at(statuses, len(done))):
                done.append(i)
        return done if left else None

    waitall, waitany, waitsome = Waitall, Waitany, Waitsome
    testall, testany, testsome = Testall, Testany, Testsome


def _wait(look: Callable[[], Found | None]) -> Found:
    """Look until there is something."""
    for naps in count():
        if (found := look()) is not None:
            return found
        nap(naps)
    raise AssertionError("count has no end")


def _is_active(request: Any) -> bool:  # noqa: ANN401
    """Tell whether a request's end was not told yet."""
    return not request.told if isinstance(request, Operation) else bool(request)


def _is_done(request: Any) -> bool:  # noqa: ANN401
    """Go on with a request; tell whether it is at its end, so that it can be told once more."""
    if isinstance(request, Operation):
        return request.told or request.Get_status()
    return not request or bool(request.Get_status())


def _test(request: Any, status: Any) -> bool:  # noqa: ANN401
    return not request or bool(request.Test(status))


def _at(statuses: Statuses, place: int) -> Any:  # noqa: ANN401
    return None if statuses is None else statuses[place]
