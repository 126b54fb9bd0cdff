"""Runs a plan in memory: thread blocks, semaphores, barriers, proxies with bounded queues."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from runtime.foreign.errors import ForeignError
from runtime.foreign.mscclpp import rules
from runtime.foreign.mscclpp.clocks import Clock, Seen, clock, meet
from runtime.foreign.mscclpp.memory import Memory, Parts, Span, Words
from runtime.foreign.mscclpp.plan import ExecutionPlan, Operation, ThreadBlock
from runtime.foreign.mscclpp.state import (
    MOST_STEPS,
    Block,
    Copied,
    Proxy,
    Step,
    as_packets,
    pair_channels,
    place_of,
    write_out,
)
from runtime.foreign.mscclpp.store import MOST_RACES, Store

QUEUE = 128  # requests that a proxy's queue holds
END = Operation("end")  # of a run; no plan has it


class Machine(Store):
    """A plan in memory, which runs as often as there are inputs, with nothing between the runs.

    The blocks of a GPU end together; then its user reads the output and writes the next input,
    while others may still be in the run before.

    inputs, outputs: of each run, the words of each GPU.
    """

    def __init__(
        self,
        plan: ExecutionPlan,
        chunk: int,
        inputs: Sequence[Sequence[Words]],
        actions: Mapping[str, "Action"],
        watch: Callable[[Copied], None] | None = None,
    ) -> None:
        blocks = sum(len(gpu.threadblocks) for gpu in plan.gpus)
        super().__init__(Memory(plan, chunk), blocks + len(plan.gpus), len(inputs), watch)
        self.plan, self.actions = plan, actions
        self.inputs, self.outputs = inputs, [[w.copy() for w in each] for each in inputs]
        for number, values in enumerate(inputs[0]):
            self.memory.view(number, "i")[:] = values
        self.blocks: list[Block] = []
        for gpu in plan.gpus:
            self.blocks += [
                self._block(gpu.id, block, len(self.blocks) + i)
                for i, block in enumerate(gpu.threadblocks)
            ]
        self.proxies = [Proxy(clock(blocks + i, self.count)) for i in range(len(plan.gpus))]
        self.paired = {kind: pair_channels(plan, kind) for kind in ("memory", "port")}
        self.signals: dict[tuple[str, int, int], deque[Seen]] = {}
        self.barriers: dict[tuple[int, int], list[Block]] = {}
        self.passed: dict[tuple[int, int], int] = {}
        self.semaphores = {
            (gpu.id, i): deque([Seen(None, np.zeros(self.count, np.int64))] * each.init_value)
            for gpu in plan.gpus
            for i, each in enumerate(gpu.semaphores)
        }

    def _block(self, gpu: int, block: ThreadBlock, own: int) -> Block:
        align, chunk = self.plan.buffer_alignment, self.memory.chunk
        steps = [step for op in (*block.ops, END) for step in write_out(op, align, chunk)]
        return Block(
            gpu,
            block.id,
            steps * len(self.inputs),
            Parts(self.memory, self.plan.gpus[gpu], block),
            {kind: rules.own_channels(block, kind) for kind in rules.TYPES},
            clock(own, self.count),
        )

    def run(self) -> None:
        """Carry out all that can be.

        Raises:
            ForeignError: a deadlock, with what is waited for.
        """
        moved = True
        while moved:
            moved = False
            for block in self.blocks:
                while block.at < len(block.steps) and self._carry(block):
                    moved = True
            for proxy in self.proxies:
                while proxy.queue:
                    proxy.queue.popleft()()
                    proxy.done += 1
                    moved = True
        stuck = [block for block in self.blocks if block.at < len(block.steps)]
        if stuck:
            block = stuck[0]
            raise ForeignError(
                f"deadlock: gpu {block.gpu}, thread block {block.number}, {place_of(block)}: "
                f"{block.steps[block.at].op.name} waits for ever"
            )
        for (kind, gpu, number), left in sorted(self.signals.items()):
            if left and len(self.races) < MOST_RACES:
                self.races.append(
                    f"gpu {gpu}: nobody waits for a signal on its {kind} channel {number}, "
                    "which then counts for the next run"
                )

    def _carry(self, block: Block) -> bool:
        """Carry out the next operation of a block, or tell that it has to wait."""
        step = block.steps[block.at]
        if not self._act(block, step):
            return False
        block.at += 1
        self.carried += 1
        if self.carried > MOST_STEPS:
            raise ForeignError(f"more than {MOST_STEPS} operations in one run")
        return True

    def _act(self, block: Block, step: Step) -> bool:
        name = step.op.name
        if name in _CONTROL:
            return bool(_CONTROL[name](self, block, step.op))
        if name in rules.ONE_SIDED and step.op.channel_type == "port":
            return self._ask(block, step)
        return self.actions[name](self, block, step)

    # Control.

    def nop(self, block: Block, op: Operation) -> bool:
        """Let the threads of a block meet."""
        block.clock.fence()
        return True

    def barrier(self, block: Block, op: Operation) -> bool:
        """Let blocks of a GPU meet: nobody goes on before all have come."""
        key = block.gpu, op.barrier_id or 0
        if block.arrived is None:
            block.clock.fence()
            block.arrived = self.passed.get(key, 0)
            waiting = self.barriers.setdefault(key, [])
            waiting.append(block)
            if len(waiting) == (op.num_threadblocks or 1):
                meet([each.clock for each in waiting])
                self.passed[key] = block.arrived + 1
                waiting.clear()
        if self.passed.get(key, 0) == block.arrived:
            return False
        block.arrived = None
        return True

    def end(self, block: Block, op: Operation) -> bool:
        """End a run when all blocks of the GPU are there; its user takes the output."""
        mine = len(self.plan.gpus[block.gpu].threadblocks)
        first = block.arrived is None
        run = self.run_of(block)
        met = self.barrier(block, Operation("end", barrier_id=-1, num_threadblocks=mine))
        if first and self.passed.get((block.gpu, -1), 0) == run + 1:
            self._use(block, run)
            block.clock.fence()
            mine_all = [other for other in self.blocks if other.gpu == block.gpu]
            meet([each.clock for each in mine_all])
            for other in mine_all:
                self.settled[other.clock.own] = other.clock.epoch - 1
        return met

    def _use(self, block: Block, run: int) -> None:
        """Take the output of a run and give the input of the next."""
        gpu, who = block.gpu, block.clock
        places = [self.memory.places[gpu][kind] for kind in "oi"]
        output, given = (
            Span(gpu, place.array, place.first, place.first + place.words) for place in places
        )
        self.outputs[run][gpu] = self.memory.words(output).copy()
        user = Clock(who.own, who.epoch, Seen(who.over, who.over, who.own))
        self.touch(block, user, output, writes=False)
        if run + 1 < len(self.inputs):
            self.touch(block, user, given, writes=True)
            self.memory.words(given)[:] = self.inputs[run + 1][gpu]
        self.carried += 1

    def signal(self, block: Block, op: Operation) -> bool:
        """Count up at the other end of each channel."""
        kind = op.channel_type or ""
        relaxed = op.name == "rlxsignal" and kind == "memory"
        ends = [(kind, block.gpu, block.channels[kind][i]) for i in op.channel_ids]
        if kind == "port":
            return self._request(block, [partial(self._proxy_signal, end) for end in ends])
        said = block.clock.let_go
        for end in ends:
            self._raise(end, said._replace(seen=None) if relaxed else said)
        return True

    def _raise(self, end: tuple[str, int, int], seen: Seen) -> None:
        """Count a signal up at the other end of a channel."""
        kind, gpu, number = end
        other = self.paired[kind].get((gpu, number))
        if other is not None:
            self.signals.setdefault((kind, *other), deque()).append(seen)

    def wait(self, block: Block, op: Operation) -> bool:
        """Take a signal from each channel."""
        kind = op.channel_type or ""
        found = [
            self.signals.setdefault((kind, block.gpu, block.channels[kind][i]), deque())
            for i in op.channel_ids
        ]
        if len({id(queue) for queue in found}) < len(found) or not all(found):
            return False
        block.clock.taken += [queue.popleft() for queue in found]
        return True

    def release(self, block: Block, op: Operation) -> bool:
        """Count semaphores up."""
        for i in op.semaphore_ids:
            self.semaphores[block.gpu, i].append(block.clock.let_go)
        return True

    def acquire(self, block: Block, op: Operation) -> bool:
        """Count semaphores down."""
        found = [self.semaphores[block.gpu, i] for i in op.semaphore_ids]
        if not all(found):
            return False
        block.clock.taken += [queue.popleft() for queue in found]
        return True

    # Ports: requests that the proxy of a GPU carries out later.

    def flush(self, block: Block, op: Operation) -> bool:
        """Wait until all that ports were asked for is done."""
        proxy = self.proxies[block.gpu]
        if proxy.done < proxy.asked:
            return False
        block.clock.taken.append(proxy.clock.let_go)
        return True

    def _request(self, block: Block, requests: Sequence[Callable[[], None]]) -> bool:
        proxy = self.proxies[block.gpu]
        if len(proxy.queue) + len(requests) > QUEUE:
            return False
        let_go = block.clock.let_go
        for request in requests:
            proxy.queue.append(partial(self._serve, proxy, let_go, request))
        proxy.asked += len(requests)
        return True

    def _serve(self, proxy: Proxy, let_go: Seen, request: Callable[[], None]) -> None:
        """Carry out a request, with what the block that made it had seen by then."""
        proxy.clock.taken.append(let_go)
        proxy.clock.fence()
        request()
        proxy.clock.fence()

    def _proxy_signal(self, end: tuple[str, int, int]) -> None:
        self._raise(end, self.proxies[end[1]].clock.let_go)

    def _ask(self, block: Block, step: Step) -> bool:
        """Ask the proxy for puts, and for signals behind them; some wait until all is done."""
        if block.flushing:
            block.flushing = not self.flush(block, step.op)
            return not block.flushing
        ins, outs = block.spans(step, self.run_of(block))
        if len(step.op.channel_ids) < len(outs):
            raise ForeignError("a put over ports needs a channel for each part")
        ends = [("port", block.gpu, block.channels["port"][i]) for i in step.op.channel_ids]
        requests: list[Callable[[], None]] = []
        for source, target, end in zip(ins, outs, ends, strict=False):
            requests.append(partial(self._proxy_put, block.gpu, source, target))
            if step.op.name != "put":
                requests.append(partial(self._proxy_signal, end))
        asked = self._request(block, requests)
        block.flushing = asked and step.op.name == "pwsf"
        return asked and not block.flushing

    def _proxy_put(self, gpu: int, source: Span, target: Span) -> None:
        who = self.proxies[gpu].clock
        self.touch(None, who, source, writes=False)
        self.touch(None, who, target, writes=True)
        self.memory.write(target, self.memory.words(source).copy())
        self.tell(gpu, [source], target)
        self.carried += 1

    def ask_packets(self, block: Block, moves: Sequence[tuple[Span, Span]]) -> bool:
        """Ask the proxy to put packets that lie in scratch into remote scratch."""
        return self._request(
            block, [partial(self._proxy_packets, s, t, self.run_of(block)) for s, t in moves]
        )

    def _proxy_packets(self, source: Span, target: Span, run: int) -> None:
        values = self.memory.read_packets(source, run)
        if values is None:
            raise ForeignError("a port puts packets that are not there yet")
        self.memory.write_packets(target, values, run)
        self.brought[target.gpu].append((target.start, target.end, self._said([source])))
        self.tell(source.gpu, [as_packets(source)], as_packets(target))


# What an operation on data does; False means that it has to wait.
Action = Callable[[Machine, Block, Step], bool]

_CONTROL: dict[str, Callable[[Machine, Block, Operation], bool]] = {
    "nop": Machine.nop,
    "barrier": Machine.barrier,
    "signal": Machine.signal,
    "rlxsignal": Machine.signal,
    "wait": Machine.wait,
    "rlxwait": Machine.wait,
    "sem_release": Machine.release,
    "sem_acquire": Machine.acquire,
    "flush": Machine.flush,
    "end": Machine.end,
}
