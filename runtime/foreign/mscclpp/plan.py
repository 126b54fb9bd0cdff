"""The values of an MSCCL++ execution plan (JSON), as its executor reads them."""

import msgspec

from runtime.foreign.errors import ForeignError
from topologies.model.messages import one_line

NO_LIMIT = 2**64 - 1  # bytes: the largest message, where a plan states none


class Part(msgspec.Struct, omit_defaults=True):
    """Chunks that an operation touches: of an own buffer, a remote one, or a switch channel."""

    type: str | None = None
    buffer_id: int | None = None
    switch_channel_id: int | None = None
    index: int = msgspec.field(default_factory=lambda: -1)
    size: int = msgspec.field(default_factory=lambda: -1)


class Group(msgspec.Struct):
    """Which of the thread blocks that share an operation this one is."""

    tb_id: int
    tbg_size: int


class Iterations(msgspec.Struct):
    """How a pipeline goes over chunks: bytes at a time."""

    unit_size: int
    num_chunks: int


class Operation(msgspec.Struct, omit_defaults=True):
    """One operation of a thread block; `ops` are those of a pipeline."""

    name: str
    channel_type: str | None = None
    channel_ids: list[int] = []
    src_buff: list[Part] = []
    dst_buff: list[Part] = []
    tbg_info: Group | None = None
    barrier_id: int | None = None
    num_threadblocks: int | None = None
    semaphore_ids: list[int] = []
    iter_context: Iterations | None = None
    ops: list["Operation"] = []
    reduce_op: str | None = None


class BlockChannels(msgspec.Struct):
    """The channels of one type that a thread block uses, as numbers of those of its GPU."""

    channel_type: str
    channel_ids: list[int]


class BlockBuffers(msgspec.Struct):
    """The remote buffers that a thread block reaches over channels of one type."""

    access_channel_type: str
    remote_buffer_ids: list[int]


class ThreadBlock(msgspec.Struct):
    """A stream of operations, one after the other."""

    id: int
    ops: list[Operation]
    channels: list[BlockChannels] = []
    remote_buffer_refs: list[BlockBuffers] = []


class RankGroup(msgspec.Struct):
    """The ranks behind a switch channel, and its chunks."""

    size: int
    ranks: list[int]


class Channels(msgspec.Struct, omit_defaults=True):
    """The channels of one type of a GPU: one for each peer named, or a switch channel."""

    channel_type: str
    connected_to: list[int] = []
    buffer_type: str | None = None
    buff: str | None = None
    rank_groups: list[RankGroup] = []


class RemoteBuffer(msgspec.Struct):
    """A buffer of another GPU."""

    rank: int
    type: str
    access_channel_types: list[str]


class Semaphore(msgspec.Struct):
    """What thread blocks of one GPU acquire and release."""

    init_value: int


class Gpu(msgspec.Struct):
    """What one GPU does, and the chunks of its buffers."""

    id: int
    input_chunks: int
    output_chunks: int
    scratch_chunks: int
    threadblocks: list[ThreadBlock]
    channels: list[Channels]
    remote_buffers: list[RemoteBuffer] = []
    semaphores: list[Semaphore] = []


class ExecutionPlan(msgspec.Struct):
    """A plan for all GPUs; sizes are in bytes."""

    name: str
    collective: str
    protocol: str
    inplace: bool
    gpus: list[Gpu]
    reuse_resources: bool = False
    num_threads_per_block: int = 1024
    use_double_scratch_buffer: bool = False
    buffer_alignment: int = 16
    min_message_size: int = 0
    max_message_size: int = NO_LIMIT

    @property
    def packets(self) -> bool:
        """Tell whether messages are packets, which bring a flag with the data."""
        return self.protocol == "LL"


def decode(data: bytes) -> ExecutionPlan:
    """Read a plan; whether it keeps the rules is up to `rules.faults`.

    Raises:
        ForeignError: it is no plan, with the place in the file.
    """
    try:
        return msgspec.json.decode(data, type=ExecutionPlan)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ForeignError(one_line(f"no MSCCL++ plan: {error}")) from None


def encode(plan: ExecutionPlan) -> str:
    """Write a plan, always as the same text."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=1).decode() + "\n"
