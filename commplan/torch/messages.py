"""The calls of c10d that move a tensor from one process to another, and those that join calls."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from commplan.communicator import Communicator
from commplan.torch.point_to_point import MOVER, Message, tag_of
from commplan.torch.shapes import check_root
from commplan.torch.tensors import RefusedError, dense, memory, put_back
from commplan.torch.turns import Turns
from commplan.torch.work import JoinedWork, recorded

Tensors = Sequence[torch.Tensor]


class Messages:
    """Messages of one group, by MPI's own; what is gathered here may hold its collectives too."""

    world: Communicator
    _comm: Any
    _turns: Turns
    _timeout: float
    _batch: list[Any] | None
    _under_way: list[Message]

    def send(self, tensors: Tensors, to: int, tag: int = 0) -> Message:
        """Send a tensor to a process."""
        whole = dense(tensors[0])
        with recorded("send"):
            request = self._comm.Isend(_bytes(whole), check_root(to, self.world.size), tag_of(tag))
        return self._track(f"send to rank {to}", request, tensors[0], lambda: None)

    def recv(self, tensors: Tensors, source: int, tag: int = 0) -> Message:
        """Take a tensor from a process.

        Raises:
            RefusedError: it is this one, which torch lets send nothing to itself.
        """
        if source == self.world.rank:
            raise RefusedError(f"recv from rank {source}, which is this one; expected another")
        return self._receive(tensors[0], check_root(source, self.world.size), tag)

    def recv_anysource(self, tensors: Tensors, tag: int = 0) -> Message:
        """Take a tensor from whoever sends one."""
        from mpi4py import MPI

        return self._receive(tensors[0], MPI.ANY_SOURCE, tag)

    def _receive(self, tensor: torch.Tensor, source: int, tag: int) -> Message:
        whole = dense(tensor)
        with recorded("recv"):
            request = self._comm.Irecv(_bytes(whole), source, tag_of(tag))
        who = f"rank {source}" if source >= 0 else "any rank"
        return self._track(f"recv from {who}", request, tensor, partial(put_back, tensor, whole))

    def _track(
        self,
        what: str,
        request: Any,  # noqa: ANN401
        tensor: torch.Tensor,
        after: Callable[[], None],
    ) -> Message:
        message = Message(what, request, tensor, after, self._timeout)
        self._under_way = [each for each in self._under_way if not each.is_completed()]
        if not message.is_completed():
            self._under_way.append(message)
            if self._turns.threaded:
                MOVER.add(message)
        if self._batch is not None:
            self._batch.append(message)
        return message

    def start_coalescing(self, device: object = None) -> None:
        """Begin to gather calls that are waited for as one."""
        self._batch = []

    def end_coalescing(self, device: object = None) -> JoinedWork:
        """Give what ends when all calls since the beginning have ended."""
        works, self._batch = self._batch or [], None
        return JoinedWork(works)


def _bytes(tensor: torch.Tensor) -> Any:  # noqa: ANN401
    from mpi4py import MPI

    spec = memory(tensor)
    return [spec[0] if isinstance(spec, list) else spec, MPI.BYTE]
