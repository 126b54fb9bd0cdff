"""The class of torch that a group is derived from: the official base, or a whole process group."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import torch
import torch.distributed as dist

from commplan.torch.collectives import Collectives
from commplan.torch.other_devices import make_backend
from commplan.torch.work import NAME
from topologies.model.errors import ArgumentError

# What c10d calls with tensors; those on another device than the CPU go to the backend of theirs.
CALLS = (
    *("allreduce", "allreduce_coalesced", "broadcast", "reduce", "allgather", "gather", "scatter"),
    *("all_gather_single", "all_gather_single_coalesced", "allgather_coalesced"),
    *("reduce_scatter", "reduce_scatter_single", "reduce_scatter_single_coalesced"),
    *("alltoall", "all_to_all_single", "send", "recv", "recv_anysource"),
)
# Those that have short forms too, and the options that the short forms stand for.
OPTIONS = {
    "allreduce": dist.AllreduceOptions,
    "broadcast": dist.BroadcastOptions,
    "reduce": dist.ReduceOptions,
    "allgather": torch._C._distributed_c10d.AllgatherOptions,
    "gather": dist.GatherOptions,
    "scatter": dist.ScatterOptions,
    "reduce_scatter": dist.ReduceScatterOptions,
}
SHORT = (int, timedelta, torch.Tensor, dist.ReduceOp, dist.ReduceOp.RedOpType)
OLD_NAMES = {
    "all_gather_single": ("_allgather_base", "allgather_single"),
    "all_gather_single_coalesced": ("allgather_into_tensor_coalesced",),
    "reduce_scatter_single": ("_reduce_scatter_base",),
    "reduce_scatter_single_coalesced": ("reduce_scatter_tensor_coalesced",),
    "all_to_all_single": ("alltoall_base",),
}


@cache
def find_base() -> Any:  # noqa: ANN401
    """Find the class of torch that backends in Python are derived from; None before torch 2.14.

    Documented as torch.distributed.BackendBase; torch 2.14.1 has it without that name.
    """
    found = getattr(dist, "BackendBase", None) or torch._C._distributed_c10d.Backend
    try:
        type("Probe", (found,), {})(0, 1)
    except TypeError:  # no constructor: only classes in C++ are derived from it
        return None
    return found


def _no(_: object) -> bool:
    return False


@cache
def group_class() -> Any:  # noqa: ANN401
    """Make the class of groups for the torch that is there."""
    base = find_base()
    if base is None:
        return _make_process_group()

    class PlannedBackend(Collectives, base):  # type: ignore[misc, valid-type]
        """A backend of c10d; the process group is torch's own, and so are its other devices."""

        # Said by hand: torch 2.14.1 asks itself without end for what a backend does not say.
        supports_splitting = supports_coalescing = supports_time_estimate = property(_no)
        supports_shrinking = supports_reconfigure = supports_window = property(_no)

        def getBackendName(self) -> str:  # noqa: N802 (as c10d has it)
            """Name the backend."""
            return NAME

    return PlannedBackend


def _make_process_group() -> Any:  # noqa: ANN401
    """Make the class for older torch: a process group in the place of torch's."""
    names = {name: _by_device(name) for name in CALLS}
    for name, olds in OLD_NAMES.items():
        names |= dict.fromkeys(olds, names[name])
    return type("PlannedGroup", (_Group, dist.ProcessGroup), names)


def _by_device(name: str) -> Any:  # noqa: ANN401
    """Make a call that goes to the backend of the device its first tensor lies on."""
    planned = getattr(Collectives, name)

    def call(self: Any, tensors: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        if named or _is_short(tensors, rest):
            tensors, *more = _spell_out(name, tensors, *rest, *named.values())
            rest = tuple(more)
        first = tensors
        while not isinstance(first, torch.Tensor):
            if not first:
                first = rest[0]
                break
            first = first[0]
        if isinstance(first, torch.Tensor) and first.device.type != "cpu":
            return getattr(self._get_backend(first.device), name)(tensors, *rest)
        return planned(self, tensors, *rest)

    call.__name__, call.__doc__ = name, planned.__doc__
    return call


def _is_short(tensors: Any, rest: Sequence[Any]) -> bool:  # noqa: ANN401
    """Tell whether a call has bare tensors, or words in the place of options."""
    return (bool(rest) and isinstance(rest[-1], SHORT)) or isinstance(tensors, torch.Tensor)


def _spell_out(name: str, *words: Any) -> list[Any]:  # noqa: ANN401
    """Write a call with bare tensors, a root, an operation or a time as c10d hands calls over."""
    if name not in OPTIONS:
        return list(words)
    tensors = [word for word in words if isinstance(word, torch.Tensor | list | tuple)]
    rest = [word for word in words if not isinstance(word, torch.Tensor | list | tuple)]
    if any(isinstance(word, torch.Tensor) for word in tensors):
        tensors = [[word] for word in tensors]
    options = next((word for word in rest if isinstance(word, OPTIONS[name])), OPTIONS[name]())
    for word in rest:
        if isinstance(word, timedelta):
            options.timeout = word
        elif isinstance(word, int):
            options.rootRank = word
        elif isinstance(word, dist.ReduceOp | dist.ReduceOp.RedOpType):
            options.reduceOp = word
    return [*tensors, options]


class _Group(Collectives):
    """What torch's process group does itself where the backend is only a backend."""

    def prepare(self, *words: Any, name: str = "", store: Any = None, **more: Any) -> None:  # noqa: ANN401
        """Take the communicators (`Collectives.prepare`), and what else a group has."""
        super().prepare(*words, **more)
        self._name, self._store = name, store
        self._others: dict[str, Any] = {}

    @property
    def group_name(self) -> str:
        """Name the group."""
        return self._name

    @property
    def _device_types(self) -> list[torch.device]:
        return [torch.device(name) for name in ("cpu", *self._others)]

    def getBackendName(self) -> str:  # noqa: N802 (as c10d has it)
        """Name the backend."""
        return NAME

    def _get_backend(self, device: torch.device) -> Any:  # noqa: ANN401
        """Give what serves a device: this group the CPU, other backends theirs."""
        kind = torch.device(device).type
        if kind == "cpu":
            return self
        if kind not in self._others:
            words = dist.distributed_c10d._world.pg_map[self][0]
            served = dist.BackendConfig(dist.Backend(words)).get_device_backend_map()
            if served.get(kind, NAME) == NAME:
                raise ArgumentError(
                    f"a tensor on {device}: {NAME} is given memory of the CPU; expected a backend "
                    f"for it, as in init_process_group('cpu:{NAME},{kind}:nccl')"
                )
            self._others[kind] = make_backend(
                served[kind], self._store, self.world.rank, self.world.size, self._timeout
            )
        return self._others[kind]

    def _start_coalescing(self, device: torch.device) -> None:
        self.start_coalescing(device)

    def _end_coalescing(self, device: torch.device) -> Any:  # noqa: ANN401
        return self.end_coalescing(device)

    def shutdown(self) -> None:
        """Finish what is under way, and give back what MPI and other backends hold."""
        while self._others:
            self._others.popitem()[1].shutdown()
        super().shutdown()

    abort = shutdown
