"""The calls of c10d, by those of a communicator; no base of torch's yet."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import torch

from commplan.communicator import Communicator
from commplan.torch import monitored, shapes, sparse
from commplan.torch.messages import Messages
from commplan.torch.tensors import apart, dense, join, memory, operation, put_back, put_parts
from commplan.torch.turns import Turns
from commplan.torch.work import NAME, PlannedWork, recorded
from runtime.execute.faults import BlockedError

Tensors = Sequence[torch.Tensor]
Options = Any  # what c10d hands over


class Collectives(Messages):
    """What is the same whichever class of torch a group is derived from.

    Attributes:
        world: the communicator of the group.
    """

    def prepare(self, world: Communicator, comm: Any, seconds: float, *, threaded: bool) -> None:  # noqa: ANN401
        """Take the communicators of the group, which `shutdown` gives back.

        Args:
            world: for collectives.
            comm: of the same processes, for messages from one to another; of mpi4py.
            seconds: the timeout of the group.
            threaded: whether calls that are not waited for go on in a thread.
        """
        self.world, self._comm, self._timeout = world, comm, seconds
        self._turns = Turns(f"commplan group of {world.size}", threaded=threaded)
        self._batch: list[Any] | None = None
        self._under_way = []
        self._barriers = 0
        self._is_spoilt = False
        self._is_open = True

    def allreduce(self, tensors: Tensors, opts: Options = None) -> PlannedWork:
        """Add up tensors, in place."""
        tensors = [tensors] if isinstance(tensors, torch.Tensor) else tensors
        ops = [operation(_op(opts), each.dtype) for each in tensors]
        runs = [partial(self._reduce_all, *each) for each in zip(tensors, ops, strict=True)]
        return self._do("all_reduce", runs, opts, tensors)

    allreduce_coalesced = allreduce_sparse = allreduce

    def _reduce_all(self, tensor: torch.Tensor, op: str) -> None:
        if tensor.layout != torch.strided:
            sparse.add_up(self.world, tensor, op)
            return
        whole = dense(tensor)
        self.world.Allreduce(self.world.IN_PLACE, memory(whole), op)
        put_back(tensor, whole)

    def broadcast(self, tensors: Tensors, opts: Options = None) -> PlannedWork:
        """Give everyone the root's tensors."""
        tensors = [tensors] if isinstance(tensors, torch.Tensor) else tensors
        root = self._root(opts)

        def run() -> None:
            for tensor in tensors:
                whole = dense(tensor)
                self.world.Bcast(memory(whole), root)
                put_back(tensor, whole)

        return self._do("broadcast", [run], opts, tensors)

    def reduce(self, tensors: Tensors, opts: Options = None) -> PlannedWork:
        """Add up tensors at the root, in place."""
        world, root = self.world, self._root(opts)
        ops = [operation(_op(opts), each.dtype) for each in tensors]

        def run() -> None:
            for tensor, op in zip(tensors, ops, strict=True):
                whole = dense(tensor)
                if world.rank == root:
                    world.Reduce(world.IN_PLACE, memory(whole), op, root)
                    put_back(tensor, whole)
                else:
                    world.Reduce(memory(whole), None, op, root)

        return self._do("reduce", [run], opts, tensors)

    def all_gather_single(
        self, output: torch.Tensor, given: torch.Tensor, opts: Options = None
    ) -> PlannedWork:
        """Give everyone's tensor to everyone, one after the other."""
        return self._do("all_gather", [self._gather_single(output, given)], opts, [output])

    def all_gather_single_coalesced(
        self, outputs: Tensors, given: Tensors, opts: Options = None
    ) -> PlannedWork:
        """Gather several tensors."""
        runs = [self._gather_single(*pair) for pair in zip(outputs, given, strict=True)]
        return self._do("all_gather", runs, opts, outputs)

    def _gather_single(self, output: torch.Tensor, given: torch.Tensor) -> Callable[[], None]:
        shapes.check_type(given, [output])
        shapes.check_elements("all_gather", output.numel(), given.numel() * self.world.size)

        def run() -> None:
            own, whole = dense(given), dense(output)
            if own.data_ptr() == whole.data_ptr() + self.world.rank * own.nbytes:
                self.world.Allgather(self.world.IN_PLACE, memory(whole))  # as FSDP has it
            else:
                self.world.Allgather(memory(apart(own, whole)), memory(whole))
            put_back(output, whole)

        return run

    def allgather(
        self, outputs: Sequence[Tensors], given: Tensors, opts: Options = None
    ) -> PlannedWork:
        """Give everyone's tensors to everyone, each in a tensor of its own, of any size."""
        runs = [self._gather_list(*pair) for pair in zip(outputs, given, strict=True)]
        return self._do("all_gather", runs, opts, [each for many in outputs for each in many])

    def allgather_coalesced(
        self, outputs: Sequence[Tensors], given: Tensors, opts: Options = None
    ) -> PlannedWork:
        """Give everyone's tensors to everyone, in a list of each process."""
        return self.allgather(list(zip(*outputs, strict=True)), given, opts)

    def _gather_list(self, results: Tensors, own: torch.Tensor) -> Callable[[], None]:
        size, rank = self.world.size, self.world.rank
        shapes.check_list("all_gather", results, size)
        shapes.check_type(own, results)
        counts = [each.numel() for each in results]
        shapes.check_elements("all_gather", counts[rank], own.numel())

        def run() -> None:
            whole = own.new_empty(sum(counts), requires_grad=False)
            if len(set(counts)) == 1:
                self.world.Allgather(memory(dense(own)), memory(whole))
            else:
                self.world.Allgatherv(memory(dense(own)), _blocks(whole, counts))
            put_parts(results, whole)

        return run

    def reduce_scatter_single(
        self, output: torch.Tensor, given: torch.Tensor, opts: Options = None
    ) -> PlannedWork:
        """Give each process the sum of its part."""
        run = self._scatter_single(output, given, _op(opts))
        return self._do("reduce_scatter", [run], opts, [output])

    def reduce_scatter_single_coalesced(
        self, outputs: Tensors, given: Tensors, opts: Options = None
    ) -> PlannedWork:
        """Reduce and scatter several tensors."""
        pairs = zip(outputs, given, strict=True)
        runs = [self._scatter_single(*pair, _op(opts)) for pair in pairs]
        return self._do("reduce_scatter", runs, opts, outputs)

    def _scatter_single(
        self,
        output: torch.Tensor,
        given: torch.Tensor,
        op: Any,  # noqa: ANN401
    ) -> Callable[[], None]:
        shapes.check_type(given, [output])
        shapes.check_elements("reduce_scatter", given.numel(), output.numel() * self.world.size)
        name = operation(op, given.dtype)

        def run() -> None:
            whole = dense(output)
            own = apart(dense(given), whole)
            self.world.Reduce_scatter_block(memory(own), memory(whole), name)
            put_back(output, whole)

        return run

    def reduce_scatter(
        self, outputs: Tensors, given: Sequence[Tensors], opts: Options = None
    ) -> PlannedWork:
        """Give each process the sum of its tensor in every list; tensors may have any size."""
        pairs = zip(outputs, given, strict=True)
        runs = [self._scatter_list(*pair, _op(opts)) for pair in pairs]
        return self._do("reduce_scatter", runs, opts, outputs)

    def _scatter_list(
        self,
        output: torch.Tensor,
        parts: Tensors,
        op: Any,  # noqa: ANN401
    ) -> Callable[[], None]:
        shapes.check_list("reduce_scatter", parts, self.world.size)
        shapes.check_type(output, parts)
        counts = [part.numel() for part in parts]
        shapes.check_elements("reduce_scatter", output.numel(), counts[self.world.rank])
        name = operation(op, output.dtype)

        def run() -> None:
            whole, result = join(parts), dense(output)
            if len(set(counts)) == 1:
                self.world.Reduce_scatter_block(memory(whole), memory(result), name)
            else:
                self.world.Reduce_scatter(memory(whole), memory(result), counts, name)
            put_back(output, result)

        return run

    def all_to_all_single(
        self,
        output: torch.Tensor,
        given: torch.Tensor,
        taken: Sequence[int],
        sent: Sequence[int],
        opts: Options = None,
    ) -> PlannedWork:
        """Send rows to each process: the same number to all, or as many as the splits say."""
        size = self.world.size
        shapes.check_type(given, [output])
        counts = [
            shapes.count_elements("the input", given, sent, size),
            shapes.count_elements("the output", output, taken, size),
        ]
        if not taken and not sent:
            shapes.check_elements("the output", output.numel(), given.numel())

        def run() -> None:
            whole = dense(output)
            own = apart(dense(given), whole)
            if not taken and not sent:
                self.world.Alltoall(memory(own), memory(whole))
            else:
                self.world.Alltoallv(_blocks(own, counts[0]), _blocks(whole, counts[1]))
            put_back(output, whole)

        return self._do("all_to_all", [run], opts, [output])

    def alltoall(self, outputs: Tensors, given: Tensors, opts: Options = None) -> PlannedWork:
        """Send a tensor to each process, of any size."""
        for name, tensors in (("the input", given), ("the output", outputs)):
            shapes.check_list(name, tensors, self.world.size)
            shapes.check_type(given[0], tensors)
        sent, taken = ([each.numel() for each in side] for side in (given, outputs))

        def run() -> None:
            whole = given[0].new_empty(sum(taken), requires_grad=False)
            self.world.Alltoallv(_blocks(join(given), sent), _blocks(whole, taken))
            put_parts(outputs, whole)

        return self._do("all_to_all", [run], opts, outputs)

    def gather(
        self, outputs: Sequence[Tensors], given: Tensors, opts: Options = None
    ) -> PlannedWork:
        """Give the root everyone's tensor, all of one size."""
        world, root, own = self.world, self._root(opts), given[0]
        results = outputs[0] if world.rank == root else []
        if world.rank == root:
            shapes.check_list("gather", results, world.size)
            shapes.check_type(own, results)
            for each in results:
                shapes.check_elements("gather", each.numel(), own.numel())

        def run() -> None:
            if world.rank != root:
                world.Gather(memory(dense(own)), None, root)
                return
            whole = own.new_empty(world.size * own.numel(), requires_grad=False)
            world.Gather(memory(dense(own)), memory(whole), root)
            put_parts(results, whole)

        return self._do("gather", [run], opts, results)

    def scatter(
        self, outputs: Tensors, given: Sequence[Tensors], opts: Options = None
    ) -> PlannedWork:
        """Give each process its tensor from the root, all of one size."""
        world, root, output = self.world, self._root(opts), outputs[0]
        if world.rank == root:
            shapes.check_list("scatter", given[0], world.size)
            shapes.check_type(output, given[0])
            for each in given[0]:
                shapes.check_elements("scatter", each.numel(), output.numel())

        def run() -> None:
            whole = dense(output)
            world.Scatter(
                memory(join(given[0])) if world.rank == root else None, memory(whole), root
            )
            put_back(output, whole)

        return self._do("scatter", [run], opts, outputs)

    def barrier(self, opts: Options = None) -> PlannedWork:
        """Wait for everyone."""
        return self._do("barrier", [self.world.Barrier], opts, [])

    def monitored_barrier(self, opts: Options = None, wait_all_ranks: bool = False) -> None:
        """Wait for everyone, and name who does not come.

        Args:
            opts: a time, or what c10d hands over.
            wait_all_ranks: name all who do not come, not the first one alone.
        """
        said = opts if isinstance(opts, timedelta) else getattr(opts, "timeout", None)
        seconds = self._seconds(said)
        run = partial(
            monitored.monitored_barrier,
            *(self._comm, self._barriers, seconds),
            all_missing=wait_all_ranks,
        )
        self._barriers += 1
        self._finish_turns()
        try:
            run()
        except BlockedError:
            self._is_spoilt = True
            raise

    def set_timeout(self, timeout: timedelta) -> None:
        """Let calls from now on wait so long."""
        self._timeout = timeout.total_seconds()

    _set_default_timeout = set_timeout

    def shutdown(self) -> None:
        """Finish what is under way, and give back what MPI holds; all processes call this."""
        if self._is_open:
            self._is_open = False
            self._turns.close()
            self.world.Free()
            # Else what still comes would be taken for messages of a later group.
            if not self._is_spoilt and all(each.is_completed() for each in self._under_way):
                self._comm.Free()

    abort = shutdown

    def _do(
        self, name: str, runs: Sequence[Callable[[], None]], opts: Options, value: Tensors
    ) -> PlannedWork:
        """Let a call have its turn: now if it is waited for, else while the caller goes on."""
        seconds = self._seconds(getattr(opts, "timeout", None))

        def run() -> None:
            if self.world.limit != seconds:
                self.world.limit = seconds
            for each in runs:
                each()

        work = PlannedWork(f"{NAME}:{name}", run, value, self._turns.change)
        with recorded(name) as record:
            if getattr(opts, "asyncOp", True):
                self._turns.begin(work)
                if record is not None:
                    record._call_end_callbacks_on_future(work.get_future())
            else:
                self._turns.do(work)
        if self._batch is not None:
            self._batch.append(work)
        return work

    def _finish_turns(self) -> None:
        """Wait until nothing is under way."""
        work = PlannedWork(NAME, lambda: None, [], self._turns.change)
        self._turns.do(work)

    def _seconds(self, said: timedelta | None) -> float:
        """Give the time that a call has: its own, else that of the group."""
        seconds = said.total_seconds() if said is not None else 0.0
        return seconds if seconds > 0 else self._timeout

    def _root(self, opts: Options) -> int:
        return shapes.check_root(0 if opts is None else int(opts.rootRank), self.world.size)


def _op(opts: Options) -> Any:  # noqa: ANN401
    if opts is None:
        return torch.distributed.ReduceOp.SUM
    return getattr(opts, "reduceOp", opts)


def _blocks(tensor: torch.Tensor, counts: list[int]) -> list[Any]:
    """Say how many elements of a tensor without gaps belong to each process."""
    spec = memory(tensor)
    buffer, *kind = spec if isinstance(spec, list) else [spec]
    wide = tensor.element_size() // buffer.itemsize
    return [buffer, [count * wide for count in counts], *kind]
