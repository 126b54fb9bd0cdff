"""What the executor of MSCCL++ asks of a plan: numbers within bounds, limits of the device.

The limits are those of its `execution_common.hpp`; a plan beyond them writes over memory there,
for the executor checks few of them itself. Offsets are checked to the end of each range.
"""

from collections.abc import Iterator, Mapping

from runtime.foreign.mscclpp.plan import ExecutionPlan, Gpu, Operation, Part, ThreadBlock

MOST_CHANNELS = 16  # of one type, of a thread block; as many remote buffers
MOST_PER_OPERATION = 8  # channels of an operation
MOST_PARTS = 10  # parts on one side of an operation
MOST_OPERATIONS = 64  # of a thread block
MOST_BARRIERS = 16
MOST_SEMAPHORES = 16
MOST_VALUE = 2**16  # of a semaphore
MOST_THREADS = 1024
# Blocks of a GPU run at once, one on each multiprocessor: an A100 has 108, an H100 132.
MOST_BLOCKS = 132
MOST_GPUS = 1024
MOST_CHUNKS = 2**20

TYPES = ("memory", "port", "switch")
BUFFERS = ("i", "o", "s")
PACKETS = ("ppkt", "rppkt", "respkt", "cpkt", "upkt", "repkt", "recpkt", "recspkt")
ONE_SIDED = ("put", "pws", "pwsf", "get")
SIGNALS = ("signal", "rlxsignal", "wait", "rlxwait")
MOVING = (*ONE_SIDED, *PACKETS, "copy", "re", "res", "rre", "rres", "glres", "gstore")
KNOWN = (
    *("nop", "barrier", "copy", "flush", "gstore", "pipeline", "sem_acquire", "sem_release"),
    *SIGNALS,
    *ONE_SIDED,
    *PACKETS,
    *("re", "res", "rre", "rres", "glres"),
)


def faults(plan: ExecutionPlan) -> list[str]:
    """List what the executor would refuse, or would do wrong without a word."""
    found = list(_plan(plan))
    if not found:
        for number, gpu in enumerate(plan.gpus):
            found += [f"gpu {number}: {fault}" for fault in _gpu(plan, gpu, number)]
    return found


def _plan(plan: ExecutionPlan) -> Iterator[str]:
    if plan.protocol not in ("Simple", "LL"):
        yield f"protocol is {plan.protocol!r}, expected Simple or LL"
    if not 1 <= len(plan.gpus) <= MOST_GPUS:
        yield f"{len(plan.gpus)} gpus, expected 1 to {MOST_GPUS}"
    if plan.buffer_alignment < 1 or plan.buffer_alignment % 16:
        yield f"buffer_alignment is {plan.buffer_alignment}, expected a multiple of 16"
    if not 1 <= plan.num_threads_per_block <= MOST_THREADS:
        yield f"num_threads_per_block is {plan.num_threads_per_block}, at most {MOST_THREADS}"
    if not 0 <= plan.min_message_size <= plan.max_message_size:
        yield "min_message_size is above max_message_size"


def _gpu(plan: ExecutionPlan, gpu: Gpu, number: int) -> Iterator[str]:
    chunks = (gpu.input_chunks, gpu.output_chunks, gpu.scratch_chunks)
    if gpu.id != number:
        yield f"id is {gpu.id}, expected its place"
    if min(chunks) < 0 or max(chunks) > MOST_CHUNKS or not (chunks[0] or chunks[1]):
        yield f"{chunks} chunks of input, output and scratch"
        return
    if len(gpu.threadblocks) > MOST_BLOCKS:
        yield f"{len(gpu.threadblocks)} thread blocks, at most {MOST_BLOCKS} run at once"
    if found := list(_ends(plan, gpu, number)):
        yield from found
        return
    counts = {kind: len(flat_channels(gpu, kind)) for kind in TYPES}
    for place, block in enumerate(gpu.threadblocks):
        if found := list(_references(gpu, block, counts)):
            yield f"thread block {place}: {found[0]}"
            continue
        if block.id != place:
            yield f"thread block {place}: id is {block.id}, expected its place"
        yield from (f"thread block {place}: {fault}" for fault in _block(plan, gpu, block))


def _ends(plan: ExecutionPlan, gpu: Gpu, number: int) -> Iterator[str]:
    """Look at a GPU's channels, remote buffers and semaphores."""
    for channels in gpu.channels:
        if channels.channel_type not in TYPES:
            yield f"channel_type is {channels.channel_type!r}, expected memory, port or switch"
        peers = [*channels.connected_to, *(r for g in channels.rank_groups for r in g.ranks)]
        own = () if channels.channel_type == "switch" else (number,)
        if any(not 0 <= peer < len(plan.gpus) or peer in own for peer in peers):
            yield f"a {channels.channel_type} channel to a rank that there is not, or to itself"
    for buffer in gpu.remote_buffers:
        if not 0 <= buffer.rank < len(plan.gpus) or buffer.type not in BUFFERS:
            yield f"a remote buffer {buffer.type!r} of rank {buffer.rank}"
    for semaphore in gpu.semaphores:
        if not 0 <= semaphore.init_value <= MOST_VALUE:
            yield f"a semaphore begins at {semaphore.init_value}, expected 0 to {MOST_VALUE}"


def _block(plan: ExecutionPlan, gpu: Gpu, block: ThreadBlock) -> Iterator[str]:
    count = sum(1 + len(op.ops) for op in block.ops)
    if count > MOST_OPERATIONS:
        yield f"{count} operations, at most {MOST_OPERATIONS}"
    for place, op in enumerate(block.ops):
        for inner in (op, *op.ops):
            yield from (
                f"operation {place}, {inner.name}: {fault}"
                for fault in _operation(plan, gpu, block, inner)
            )


def _references(gpu: Gpu, block: ThreadBlock, counts: Mapping[str, int]) -> Iterator[str]:
    """Look at the channels and buffers that a thread block names; counts: those of its GPU."""
    for own in block.channels:
        if own.channel_type not in TYPES or not all(
            0 <= i < counts[own.channel_type] for i in own.channel_ids
        ):
            yield f"a {own.channel_type!r} channel that its gpu has not"
    for refs in block.remote_buffer_refs:
        if not all(0 <= i < len(gpu.remote_buffers) for i in refs.remote_buffer_ids):
            yield "a remote buffer that its gpu has not"
        elif any(
            refs.access_channel_type not in gpu.remote_buffers[i].access_channel_types
            for i in refs.remote_buffer_ids
        ):
            yield f"a remote buffer that {refs.access_channel_type} channels do not reach"
    for kind in TYPES:
        if max(len(own_channels(block, kind)), len(own_buffers(block, kind))) > MOST_CHANNELS:
            yield f"more than {MOST_CHANNELS} {kind} channels or remote buffers"


def flat_channels(gpu: Gpu, kind: str) -> list[int]:
    """List the peers of a GPU's channels of one type; of switch channels, the group's number."""
    if kind == "switch":
        groups = [g for each in gpu.channels if each.channel_type == kind for g in each.rank_groups]
        return list(range(len(groups)))
    return [
        peer for each in gpu.channels if each.channel_type == kind for peer in each.connected_to
    ]


def own_channels(block: ThreadBlock, kind: str) -> list[int]:
    """List the channels of one type of a thread block, as numbers of those of its GPU."""
    return [i for own in block.channels if own.channel_type == kind for i in own.channel_ids]


def own_buffers(block: ThreadBlock, kind: str) -> list[int]:
    """List the remote buffers that a thread block reaches over channels of one type."""
    return [
        i
        for refs in block.remote_buffer_refs
        if refs.access_channel_type == kind
        for i in refs.remote_buffer_ids
    ]


def _operation(plan: ExecutionPlan, gpu: Gpu, block: ThreadBlock, op: Operation) -> Iterator[str]:
    if op.name not in KNOWN:
        yield "no operation of that name that is known here"
        return
    if len(op.channel_ids) > MOST_PER_OPERATION or len(op.src_buff) > MOST_PARTS:
        yield f"more than {MOST_PER_OPERATION} channels or {MOST_PARTS} parts"
    if len(op.dst_buff) > MOST_PARTS:
        yield f"more than {MOST_PARTS} parts"
    if (op.channel_ids or op.name in SIGNALS) and op.channel_type not in TYPES:
        yield f"channel_type is {op.channel_type!r}"
        return
    if op.channel_type in TYPES:
        known = len(own_channels(block, op.channel_type))
        if not all(0 <= i < known for i in op.channel_ids):
            yield f"channel {op.channel_ids}, of {known} of its thread block"
    if op.name in PACKETS and not plan.packets:
        yield "packets need the protocol LL"
    if op.name == "barrier" and not (
        op.barrier_id is not None
        and 0 <= op.barrier_id < MOST_BARRIERS
        and 1 <= (op.num_threadblocks or 0) <= len(gpu.threadblocks)
    ):
        yield f"barrier {op.barrier_id} of {op.num_threadblocks} thread blocks"
    semaphores = min(len(gpu.semaphores), MOST_SEMAPHORES)
    if not all(0 <= i < semaphores for i in op.semaphore_ids):
        yield f"semaphores {op.semaphore_ids}, of {semaphores}"
    if op.tbg_info and not 0 <= op.tbg_info.tb_id < op.tbg_info.tbg_size <= MOST_BLOCKS:
        yield f"thread block {op.tbg_info.tb_id} of a group of {op.tbg_info.tbg_size}"
    if op.name == "pipeline" and not _repeats(gpu, op):
        yield "no iter_context with a unit_size above 0 and chunks that its gpu has"
    if op.name in MOVING and not (op.src_buff and op.dst_buff):
        yield "nothing to read, or nowhere to write"
    if op.reduce_op not in (None, "sum"):
        yield f"reduce_op is {op.reduce_op!r}, expected sum"
    for part in (*op.src_buff, *op.dst_buff):
        yield from _part(plan, gpu, block, op, part)


def _repeats(gpu: Gpu, op: Operation) -> bool:
    """Tell whether a pipeline goes over chunks that there are."""
    most = max(gpu.input_chunks, gpu.output_chunks, gpu.scratch_chunks)
    over = op.iter_context
    return over is not None and over.unit_size > 0 and 0 <= over.num_chunks <= most


def _part(
    plan: ExecutionPlan, gpu: Gpu, block: ThreadBlock, op: Operation, part: Part
) -> Iterator[str]:
    given = [part.type, part.buffer_id, part.switch_channel_id]
    if sum(each is not None for each in given) != 1:
        yield "a part is of exactly one of type, buffer_id and switch_channel_id"
        return
    if part.type is not None:
        owner, kind = gpu, part.type
    elif part.buffer_id is not None:
        refs = own_buffers(block, op.channel_type or "")
        if not 0 <= part.buffer_id < len(refs):
            yield f"buffer_id {part.buffer_id}, of {len(refs)} of its thread block"
            return
        remote = gpu.remote_buffers[refs[part.buffer_id]]
        owner, kind = plan.gpus[remote.rank], remote.type
    else:
        groups = own_channels(block, "switch")
        if not 0 <= (part.switch_channel_id or 0) < len(groups):
            yield f"switch_channel_id {part.switch_channel_id}, of {len(groups)}"
            return
        owner, kind = gpu, switch_buffer(gpu, groups[part.switch_channel_id or 0])[0]
    chunks = capacity(plan, owner, kind)
    if chunks is None or not 0 <= part.index < part.index + part.size <= chunks:
        yield f"chunks {part.index} to {part.index + part.size} of {kind!r}, which has {chunks}"


def switch_buffer(gpu: Gpu, number: int) -> tuple[str, list[int]]:
    """Give the buffer behind a switch channel, and the ranks."""
    found = [
        (each.buffer_type or each.buff or "", group.ranks)
        for each in gpu.channels
        if each.channel_type == "switch"
        for group in each.rank_groups
    ]
    return found[number]


def capacity(plan: ExecutionPlan, gpu: Gpu, kind: str) -> int | None:
    """Count the chunks of a buffer; in place, one of none is the other one."""
    own = {"i": gpu.input_chunks, "o": gpu.output_chunks, "s": gpu.scratch_chunks}
    if plan.inplace and kind in ("i", "o") and not own[kind]:
        return max(own["i"], own["o"])
    return own.get(kind)
