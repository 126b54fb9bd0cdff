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

    Those in lower case give what was received as well, as that of `irecv`.

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

    @staticmethod
    def waitall(requests: Several, statuses: Statuses = None) -> list[Any]:
        """Wait for all, and give what each received, None for a collective's."""
        return _wait(lambda: Requests.testall(requests, statuses)[1])

    @staticmethod
    def waitany(requests: Several, status: Any = None) -> tuple[int, Any]:  # noqa: ANN401
        """Wait for one; give its place, or MPI.UNDEFINED, and what it received."""

        def look() -> tuple[int, Any] | None:
            place, done, received = Requests.testany(requests, status)
            return (place, received) if done else None

        return _wait(look)

    @staticmethod
    def waitsome(
        requests: Several, statuses: Statuses = None
    ) -> tuple[list[int] | None, list[Any] | None]:
        """Wait for at least one; give the places of all that are done, and what they received."""
        if not any(map(_is_active, requests)):
            return None, None
        return _wait(lambda: _if_any(Requests.testsome(requests, statuses)))

    @staticmethod
    def testall(requests: Several, statuses: Statuses = None) -> tuple[bool, list[Any] | None]:
        """Tell whether all are done, and what they received."""
        done = [_is_done(request) for request in requests]
        if not all(done):
            return False, None
        received = [_take(request, _at(statuses, i))[1] for i, request in enumerate(requests)]
        return True, received

    @staticmethod
    def testany(requests: Several, status: Any = None) -> tuple[int, bool, Any]:  # noqa: ANN401
        """Give the place of one that is done, True, and what it received."""
        from mpi4py import MPI

        left = [i for i, request in enumerate(requests) if _is_active(request)]
        for i in left:
            done, received = _take(requests[i], status)
            if done:
                return i, True, received
        return MPI.UNDEFINED, not left, None

    @staticmethod
    def testsome(
        requests: Several, statuses: Statuses = None
    ) -> tuple[list[int] | None, list[Any] | None]:
        """Give the places of those that are done, and what they received."""
        left = [i for i, request in enumerate(requests) if _is_active(request)]
        places: list[int] = []
        received: list[Any] = []
        for i in left:
            done, message = _take(requests[i], _at(statuses, len(places)))
            if done:
                places.append(i)
                received.append(message)
        return (places, received) if left else (None, None)


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


def _take(request: Any, status: Any) -> tuple[bool, Any]:  # noqa: ANN401
    """Test a request; tell whether it is done, and what it received."""
    done, received = request.test(status) if request else (True, None)
    return bool(done), received


def _if_any(some: tuple[list[int] | None, Any]) -> tuple[list[int] | None, Any] | None:
    return some if some[0] else None


def _at(statuses: Statuses, place: int) -> Any:  # noqa: ANN401
    return None if statuses is None else statuses[place]
