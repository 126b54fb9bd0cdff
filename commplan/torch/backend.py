"""A backend of c10d: every collective of a process group on the CPU, planned."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from commplan.communicator import Communicator
from commplan.torch.tensors import blocks, flat, operation, writable
from topologies.model.topology import Topology

Tensors = Sequence[torch.Tensor]
Options = Any  # what c10d hands over
NAME = "commplan"


def register(topology: Topology, **options: Options) -> None:
    """Make the backend "commplan" known: `dist.init_process_group("commplan", ...)` then plans.

    The processes are those of MPI.COMM_WORLD, and rank i of torch is process i of it. options are
    those of `Communicator`; a group made by `dist.new_group` plays the ranks of its members.
    Collectives are done when they return, those that are asked for asynchronously as well.

    Args:
        topology: the machine.
        **options: those of `Communicator`.
    """
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    played: list[tuple[int, ...]] = []

    def made(given: Options, _: Options) -> "PlannedGroup":
        members = list(given.global_ranks_in_group) or list(range(given.group_size))
        group = world.Get_group().Incl(members)
        comm = world.Create_group(group)
        whole = played or [_find_ranks(comm, topology, options)]
        played[:] = whole
        ranks = [whole[0][member] for member in members]
        planned = Communicator(comm, topology, **{**options, "ranks": ranks})
        return PlannedGroup(planned, str(given.group_id))

    dist.Backend.register_backend(NAME, made, extended_api=True, devices=["cpu"])


def _find_ranks(comm: Options, topology: Topology, options: dict[str, Any]) -> tuple[int, ...]:
    """Find which rank each process of the world plays; the first group is that of all."""
    whole = Communicator(comm, topology, **options)
    whole.Free()
    return whole.played


class _Done(dist._Work):
    """The work of a collective that has been done."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self._future: torch.futures.Future[Any] = torch.futures.Future()
        self._future.set_result(result)

    def wait(self, timeout: object = None) -> bool:
        """Wait for nothing."""
        return True

    def is_completed(self) -> bool:
        """Say yes."""
        return True

    def is_success(self) -> bool:
        """Say yes."""
        return True

    def get_future(self) -> "torch.futures.Future[Any]":
        """Give the result."""
        return self._future


class PlannedGroup(dist.ProcessGroup):
    """The collectives of c10d, by the calls of a communicator."""

    def __init__(self, world: Communicator, name: str) -> None:
        super().__init__(world.rank, world.size)
        self.world, self._name = world, name

    @property
    def group_name(self) -> str:
        """Name the group."""
        return self._name

    @property
    def _device_types(self) -> list[torch.device]:
        return [torch.device("cpu")]

    def getBackendName(self) -> str:  # noqa: N802 (as c10d has it)
        """Name the backend."""
        return NAME

    def allreduce(self, tensors: Tensors, opts: Options = None) -> _Done:
        """Add up tensors, in place."""
        for tensor in tensors:
            with writable(tensor) as own:
                self.world.Allreduce(self.world.IN_PLACE, own, _op(opts))
        return _Done(tensors)

    allreduce_coalesced = allreduce

    def broadcast(self, tensors: Tensors, opts: Options = None) -> _Done:
        """Give everyone the root's tensors."""
        for tensor in tensors:
            with writable(tensor) as own:
                self.world.Bcast(own, _root(opts))
        return _Done(tensors)

    def reduce(self, tensors: Tensors, opts: Options = None) -> _Done:
        """Add up tensors at the root, in place."""
        world, root = self.world, _root(opts)
        for tensor in tensors:
            with writable(tensor) as own:
                if world.rank == root:
                    world.Reduce(world.IN_PLACE, own, _op(opts), root)
                else:
                    world.Reduce(own, None, _op(opts), root)
        return _Done(tensors)

    def allgather_single(
        self, output: torch.Tensor, given: torch.Tensor, opts: Options = None
    ) -> _Done:
        """Give everyone's tensor to everyone, one after the other."""
        with writable(output) as result:
            self.world.Allgather(flat(given.contiguous()), result)
        return _Done(output)

    all_gather_single = _allgather_base = allgather_single

    def allgather(self, outputs: Sequence[Tensors], given: Tensors, opts: Options = None) -> _Done:
        """Give everyone's tensors to everyone, each in a tensor of its own."""
        for results, own in zip(outputs, given, strict=True):
            whole = own.new_empty((self.world.size, *own.shape))
            self.allgather_single(whole, own)
            for result, part in zip(results, whole, strict=True):
                result.copy_(part.reshape(result.shape))
        return _Done(outputs)

    def allgather_into_tensor_coalesced(
        self,
        outputs: Tensors,
        given: Tensors,
        opts: Options = None,
    ) -> _Done:
        """Gather several tensors."""
        for output, own in zip(outputs, given, strict=True):
            self.allgather_single(output, own)
        return _Done(outputs)

    all_gather_single_coalesced = allgather_into_tensor_coalesced

    def reduce_scatter_single(
        self,
        output: torch.Tensor,
        given: torch.Tensor,
        opts: Options = None,
    ) -> _Done:
        """Give each process the sum of its part."""
        with writable(output) as result:
            self.world.Reduce_scatter_block(flat(given.contiguous()), result, _op(opts))
        return _Done(output)

    _reduce_scatter_base = reduce_scatter_single

    def reduce_scatter(
        self,
        outputs: Tensors,
        given: Sequence[Tensors],
        opts: Options = None,
    ) -> _Done:
        """Give each process the sum of its tensor in every list."""
        for output, parts in zip(outputs, given, strict=True):
            self.reduce_scatter_single(output, torch.stack(list(parts)), opts)
        return _Done(outputs)

    def reduce_scatter_tensor_coalesced(
        self,
        outputs: Tensors,
        given: Tensors,
        opts: Options = None,
    ) -> _Done:
        """Reduce and scatter several tensors."""
        for output, own in zip(outputs, given, strict=True):
            self.reduce_scatter_single(output, own, opts)
        return _Done(outputs)

    reduce_scatter_single_coalesced = reduce_scatter_tensor_coalesced

    def all_to_all_single(
        self,
        output: torch.Tensor,
        given: torch.Tensor,
        taken: Sequence[int],
        sent: Sequence[int],
        opts: Options = None,
    ) -> _Done:
        """Send rows to each process: the same number to all, or as many as the splits say."""
        own = flat(given.contiguous())
        with writable(output) as result:
            if not taken and not sent:
                self.world.Alltoall(own, result)
            else:
                n, row = self.world.size, int(np.prod(given.shape[1:]))
                counts = [
                    [rows * row for rows in splits] if splits else [len(whole) // n * row] * n
                    for splits, whole in ((list(sent), given), (list(taken), output))
                ]
                self.world.Alltoallv(blocks(own, counts[0]), blocks(result, counts[1]))
        return _Done(output)

    alltoall_base = all_to_all_single

    def alltoall(self, outputs: Tensors, given: Tensors, opts: Options = None) -> _Done:
        """Send a tensor to each process."""
        counts = [[each.numel() for each in side] for side in (given, outputs)]
        sent = torch.cat([each.reshape(-1) for each in given])
        taken = sent.new_empty(sum(counts[1]))
        self.all_to_all_single(taken, sent, counts[1], counts[0])
        for output, part in zip(outputs, taken.split(counts[1]), strict=True):
            output.copy_(part.reshape(output.shape))
        return _Done(outputs)

    def gather(self, outputs: Sequence[Tensors], given: Tensors, opts: Options = None) -> _Done:
        """Give the root everyone's tensor."""
        world, root, own = self.world, _root(opts), given[0].contiguous()
        whole = own.new_empty((world.size if world.rank == root else 0, *own.shape))
        world.Gather(flat(own), flat(whole) if world.rank == root else None, root)
        for output, part in zip(outputs[0] if world.rank == root else (), whole, strict=True):
            output.copy_(part)
        return _Done(outputs)

    def scatter(self, outputs: Tensors, given: Sequence[Tensors], opts: Options = None) -> _Done:
        """Give each process its tensor from the root."""
        world, root = self.world, _root(opts)
        whole = flat(torch.stack(list(given[0]))) if world.rank == root else None
        with writable(outputs[0]) as result:
            world.Scatter(whole, result, root)
        return _Done(outputs)

    def barrier(self, opts: Options = None) -> _Done:
        """Wait for everyone."""
        self.world.Barrier()
        return _Done(None)


def _op(opts: Options) -> str:
    return "sum" if opts is None else operation(opts.reduceOp)


def _root(opts: Options) -> int:
    return 0 if opts is None else int(opts.rootRank)
