"""MSCCL++ plans: what the interpreter makes of right ones, and what it says of wrong ones."""

from copy import deepcopy

import pytest

from runtime.foreign.errors import ForeignError
from runtime.foreign.mscclpp.check import faults
from runtime.foreign.mscclpp.plan import Operation as Op
from runtime.foreign.mscclpp.plan import decode, encode


def pair(*ops, chunks=(1, 2, 2), blocks=None, **plan):
    """Write a plan of two GPUs that do the same, with a channel and each other's buffers."""
    gpus = []
    for me in (0, 1):
        gpus.append(
            {
                "id": me,
                "input_chunks": chunks[0],
                "output_chunks": chunks[1],
                "scratch_chunks": chunks[2],
                "channels": [
                    {"channel_type": kind, "connected_to": [1 - me, 1 - me]}
                    for kind in ("memory", "port")
                ]
                + [
                    {
                        "channel_type": "switch",
                        "buffer_type": letter,
                        "rank_groups": [{"size": 2, "ranks": [0, 1]}],
                    }
                    for letter in "io"
                ],
                "remote_buffers": [
                    {"rank": 1 - me, "type": kind, "access_channel_types": ["memory", "port"]}
                    for kind in "ios"
                ],
                "semaphores": [{"init_value": 1}, {"init_value": 0}],
                "threadblocks": [
                    {
                        "id": number,
                        "ops": [op(me) for op in own],
                        "channels": [
                            {"channel_type": kind, "channel_ids": [0, 1]}
                            for kind in ("memory", "port", "switch")
                        ],
                        "remote_buffer_refs": [
                            {"access_channel_type": kind, "remote_buffer_ids": [0, 1, 2]}
                            for kind in ("memory", "port")
                        ],
                    }
                    for number, own in enumerate(blocks or [ops])
                ],
            }
        )
    top = {"name": "x", "collective": "allgather", "protocol": "Simple", "inplace": False}
    return decode(encode_json({**top, **plan, "gpus": gpus}))


def encode_json(value):
    import json

    return json.dumps(value).encode()


def op(name, source=(), target=(), **more):
    """Make an operation; a part is (buffer, chunk), and `me` stands for one's own number."""

    def part(me, buffer, chunk):
        place = {"index": me if chunk == "me" else 1 - me if chunk == "other" else chunk, "size": 1}
        if buffer in ("i", "o", "s"):
            return {"type": buffer, **place}
        return {buffer[0]: buffer[1], **place}

    def made(me):
        sides = {
            side: [part(me, *each) for each in parts]
            for side, parts in (("src_buff", source), ("dst_buff", target))
            if parts
        }
        inner = {"ops": [each(me) for each in more["ops"]]} if "ops" in more else {}
        return {"name": name, **more, **sides, **inner}

    return made


REMOTE = {letter: ("buffer_id", number) for number, letter in enumerate("ios")}
SWITCH = {letter: ("switch_channel_id", number) for number, letter in enumerate("io")}
NOP = op("nop")
OWN = op("copy", [("i", 0)], [("o", "me")])


def tell(kind="memory", channel=0):
    return op("signal", channel_type=kind, channel_ids=[channel])


def hear(kind="memory", channel=0):
    return op("wait", channel_type=kind, channel_ids=[channel])


def put(kind="memory"):
    ids = {"channel_ids": [0]} if kind == "port" else {}
    return op("put", [("i", 0)], [(REMOTE["o"], "me")], channel_type=kind, **ids)


READY = (tell(channel=1), hear(channel=1), NOP)
BY_PUT = (*READY, put(), OWN, NOP, tell(), hear(), NOP)
BY_PORT = (
    *(*READY, put("port"), tell("port"), OWN, hear("port")),
    op("flush", channel_type="port", channel_ids=[0]),
)
FLUSHED = op("pwsf", [("i", 0)], [(REMOTE["o"], "me")], channel_type="port", channel_ids=[0])
BY_PORT_AT_ONCE = (*READY, FLUSHED, OWN, hear("port"))
BY_GET = (
    *READY,
    op("get", [(REMOTE["i"], 0)], [("o", "other")], channel_type="memory"),
    *(OWN, NOP, tell(), hear()),
)
BY_PACKETS = (
    op("ppkt", [("i", 0)], [(REMOTE["s"], "me")], channel_type="memory"),
    OWN,
    op("upkt", [("s", "other")], [("o", "other")]),
)
BY_PORT_PACKETS = (
    op("cpkt", [("i", 0)], [("s", "me")]),
    NOP,
    op("ppkt", [("s", "me")], [(REMOTE["s"], "me")], channel_type="port", channel_ids=[0]),
    OWN,
    op("upkt", [("s", "other")], [("o", "other")]),
)
STORED = op("gstore", [("i", 0)], [(SWITCH["o"], "me")], channel_type="switch", channel_ids=[1])
BY_SWITCH = (*READY, STORED, NOP, tell(), hear())
SUM_PACKETS = (
    op("ppkt", [("i", 0)], [(REMOTE["s"], 0)], channel_type="memory"),
    op("repkt", [("i", 0), ("s", 0)], [("o", 0)]),
)
LL = {"protocol": "LL", "use_double_scratch_buffer": True}
SUM_BY_READ = (
    *READY,
    op("rre", [("i", 0), (REMOTE["i"], 0)], [("o", 0)], channel_type="memory"),
    *(NOP, tell(), hear()),
)
SUM_IN_SWITCH = (
    *READY,
    op("glres", [(SWITCH["i"], "me")], [(SWITCH["o"], "me")], channel_type="switch"),
    *(NOP, tell(), hear()),
)


@pytest.mark.parametrize(
    ("ops", "more"),
    [
        (BY_PUT, {}),
        (BY_PORT, {}),
        (BY_PORT_AT_ONCE, {}),
        (BY_GET, {}),
        (BY_SWITCH, {}),
        (BY_PACKETS, LL),
        (BY_PORT_PACKETS, LL),
        (SUM_PACKETS, {**LL, "collective": "allreduce", "chunks": (1, 1, 1)}),
        (SUM_BY_READ, {"collective": "allreduce", "chunks": (1, 1, 0)}),
        (SUM_IN_SWITCH, {"collective": "allreduce", "chunks": (2, 2, 0)}),
    ],
)
def test_a_right_plan_has_no_faults_and_keeps_its_text(ops, more):
    plan = pair(*ops, **more)
    assert faults(plan) == []
    assert decode(encode(plan).encode()) == plan


@pytest.mark.parametrize(
    ("ops", "dropped", "said"),
    [
        (BY_PUT, "put", "words are wrong"),
        (BY_PUT, "signal", "waits for ever"),
        (BY_PUT, "wait", "nothing puts in order"),
        (BY_PORT, "flush", "nothing puts in order"),
        (BY_SWITCH, "gstore", "words are wrong"),
        (BY_PACKETS, "ppkt", "waits for ever"),
        (BY_PACKETS, "upkt", "words are wrong"),
    ],
)
def test_what_is_missing_is_found(ops, dropped, said):
    plan = pair(*ops, **(LL if ops is BY_PACKETS else {}))
    own = plan.gpus[1].threadblocks[0].ops
    del own[max(i for i, each in enumerate(own) if each.name == dropped)]
    assert said in faults(plan)[0]


@pytest.mark.parametrize("place", [2, 5])
def test_a_missing_fence_is_a_race(place):
    plan = pair(*BY_PUT)
    assert plan.gpus[0].threadblocks[0].ops.pop(place).name == "nop"
    assert "nothing puts in order" in faults(plan)[0]


def test_a_run_that_does_not_wait_for_the_one_before_is_found():
    # One run alone is right: nobody sees that the peer may still be in the last one.
    plan = pair(*BY_PUT[3:])
    assert "nothing puts in order" in faults(plan)[0]


def test_packets_of_one_run_over_those_of_the_last_are_found():
    plan = pair(*SUM_PACKETS, protocol="LL", collective="allreduce", chunks=(1, 1, 1))
    assert "waits for ever" in faults(plan)[0]


def test_a_signal_left_over_is_found():
    plan = pair(*BY_PUT, tell())
    assert any("counts for the next run" in fault for fault in faults(plan))


def test_blocks_of_a_gpu_meet_at_barriers_and_semaphores():
    meet = op("barrier", barrier_id=0, num_threadblocks=2)
    acquire, release = (op(name, semaphore_ids=[1]) for name in ("sem_acquire", "sem_release"))
    moved = [(*READY, put(), NOP, tell()), (OWN, hear())]
    assert faults(pair(blocks=[(*moved[0], meet), (*moved[1], meet)])) == []
    plan = pair(blocks=[(*moved[0], NOP, release), (*moved[1], acquire)])
    assert faults(plan) == []
    lonely = pair(blocks=[(*moved[0], meet), moved[1]])
    assert "barrier waits for ever" in faults(lonely)[0]


def test_a_pipeline_goes_over_its_chunks_piece_by_piece():
    inner = [*READY, put(), OWN, NOP, tell(), hear(), NOP]
    loop = op("pipeline", iter_context={"unit_size": 32, "num_chunks": 1}, ops=inner)
    assert faults(pair(loop), chunk=5) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda p, ops: setattr(p.gpus[1], "id", 0), "id is 0"),
        (lambda p, ops: p.gpus[0].channels[0].connected_to.append(7), "channel to a rank"),
        (lambda p, ops: ops.extend([Op("nop")] * 60), "operations, at most 64"),
        (lambda p, ops: setattr(ops[0], "name", "jump"), "no operation"),
        (lambda p, ops: setattr(ops[0], "channel_ids", [2]), "channel [2]"),
        (lambda p, ops: setattr(ops[3].dst_buff[0], "size", 3), "chunks 0 to 3"),
        (lambda p, ops: setattr(ops[3].dst_buff[0], "buffer_id", 3), "buffer_id"),
        (lambda p, ops: setattr(ops[3], "src_buff", []), "nothing to read"),
        (lambda p, ops: setattr(p.gpus[0].semaphores[0], "init_value", 2**40), "a semaphore"),
        (lambda p, ops: setattr(p.gpus[0].remote_buffers[0], "rank", 2**70), "a remote buffer"),
        (lambda p, ops: setattr(p.gpus[0].remote_buffers[0], "type", ""), "a remote buffer"),
        (
            lambda p, ops: (
                p.gpus[0].threadblocks[0].remote_buffer_refs[0].remote_buffer_ids.append(9)
            ),
            "a remote buffer that its gpu has not",
        ),
        (lambda p, ops: setattr(p, "protocol", "Fast"), "protocol"),
        (lambda p, ops: setattr(p, "buffer_alignment", 8), "buffer_alignment"),
        (lambda p, ops: setattr(p, "gpus", p.gpus * 600), "gpus, expected"),
        (lambda p, ops: setattr(p.gpus[0], "input_chunks", 2**30), "chunks of input"),
        (lambda p, ops: setattr(p, "collective", "allsort"), "no definition"),
    ],
)
def test_what_breaks_a_rule_is_refused_before_it_runs(spoil, said):
    plan = deepcopy(pair(*BY_PUT))
    spoil(plan, plan.gpus[0].threadblocks[0].ops)
    assert any(said in fault for fault in faults(plan))


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"name": 3}', b"\xff", b"[" * 100_000])
def test_what_is_no_plan_is_refused_in_one_line(data):
    with pytest.raises(ForeignError, match="no MSCCL"):
        decode(data)
