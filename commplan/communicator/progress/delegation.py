"""What a communicator hands on to MPI: all calls of mpi4py's Intracomm that are not planned."""

import ctypes
from collections.abc import Callable
from functools import wraps
from itertools import count
from threading import Thread
from typing import Any, NoReturn

from commplan.communicator.progress import under_way
from commplan.communicator.requests import nap
from topologies.model.errors import ArgumentError, CommplanError

# Calls that wait for other processes: while they do, what is under way in this thread goes on.
WAITING = (
    *("Send", "Ssend", "Bsend", "Rsend", "Recv", "Sendrecv", "Sendrecv_replace", "Probe", "Mprobe"),
    *("send", "ssend", "bsend", "recv", "sendrecv", "probe", "mprobe"),
    *("Scan", "Exscan", "Alltoallw", "scan", "exscan", "barrier", "bcast", "gather", "scatter"),
    *("allgather", "alltoall", "reduce", "allreduce", "Create_cart", "Create_graph"),
    *("Create_dist_graph", "Create_dist_graph_adjacent", "Create_intercomm", "Spawn"),
    *("Spawn_multiple", "Accept", "Connect"),
)
# Calls that give a communicator of MPI's own.
PLAIN = ("Idup", "Idup_with_info", "Dup_with_info", "Shrink", "Ishrink")


_MADE: dict[Any, Any] = {}


def find_class(kind: Any) -> Any:  # noqa: ANN401
    """Make of a class one that is an intracommunicator of mpi4py as well.

    Args:
        kind: has `plain`, the intracommunicator that calls are handed on to, and `check_alive`.
    """
    from mpi4py import MPI

    if issubclass(kind, MPI.Intracomm):
        return kind
    if kind in _MADE:
        return _MADE[kind]
    calls: dict[str, object] = {"__module__": kind.__module__, "__doc__": kind.__doc__}
    calls |= {"__eq__": _is_same, "__ne__": _is_other, "__hash__": object.__hash__}
    calls |= {"__bool__": _is_there, "__reduce__": _refuse_copy}
    calls |= {name: _hand_on(MPI.Intracomm, name) for name in WAITING + PLAIN}
    return _MADE.setdefault(kind, type(kind.__name__, (kind, MPI.Intracomm), calls))


def _is_there(comm: Any) -> bool:  # noqa: ANN401
    """Tell whether a communicator was not freed yet."""
    try:
        comm.check_alive()
    except ArgumentError:
        return False
    except CommplanError:  # it failed
        pass
    return True


def _is_same(comm: Any, other: object) -> bool:  # noqa: ANN401
    """Tell whether it is the same, or both were freed, as COMM_NULL; of two with one handle not.

    They have each their own plans.
    """
    from mpi4py import MPI

    return comm is other or (isinstance(other, MPI.Comm) and not other and not comm)


def _is_other(comm: Any, other: object) -> bool:  # noqa: ANN401
    """Tell whether it is another one."""
    return not _is_same(comm, other)


def _refuse_copy(comm: Any) -> NoReturn:  # noqa: ANN401
    """Refuse to be copied or written down: what is under way, and MPI's context, cannot be."""
    raise TypeError(f"a {type(comm).__name__} cannot be copied or pickled; expected its Dup")


def _hand_on(base: Any, name: str) -> Callable[..., Any]:  # noqa: ANN401
    """Make the method that hands a call on."""

    @wraps(getattr(base, name))
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        self.check_alive()
        return run_beside(lambda: getattr(self.plain, name)(*args, **kwargs))

    return call


def drop_handle(comm: Any) -> None:  # noqa: ANN401
    """Take from a communicator that was freed its handle: MPI then refuses it, as COMM_NULL."""
    from mpi4py import MPI

    null = MPI._addressof(MPI.COMM_NULL)
    ctypes.memmove(MPI._addressof(comm), null, MPI._sizeof(MPI.Comm))


def run_beside(call: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Call what may wait for other processes, and let what this thread has begun go on meanwhile.

    Without anything under way it is called as it is. Else a thread calls it, where MPI allows more
    than one (MPI_THREAD_MULTIPLE, which mpi4py asks for).
    """
    from mpi4py import MPI

    if not under_way.has_work() or MPI.Query_thread() < MPI.THREAD_MULTIPLE:
        return call()
    told: list[tuple[bool, Any]] = []

    def work() -> None:
        try:
            told.append((True, call()))
        except BaseException as error:
            told.append((False, error))

    thread = Thread(target=work, daemon=True)
    thread.start()
    for naps in count():
        if not thread.is_alive():
            break
        under_way.move_all()
        nap(naps)
    right, result = told[0]
    if not right:
        raise result
    return result
