"""Run by mpirun: what gloo refuses, or gets wrong, or has no part in, held to what is right."""

import os
import sys
import time
import warnings
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
from mpi4py import MPI

import commplan.torch
from topologies.model.errors import ArgumentError
from topologies.presets.shapes import star

WORLD = MPI.COMM_WORLD
N = WORLD.size
OFFICIAL = commplan.torch.group.find_base() is not None
GROUPS = int(sys.argv[1])
SECONDS = 20.0  # far less than the timeouts of groups that have none of their own here


def me():
    return dist.get_rank()


def join(**words):
    dist.init_process_group("commplan", init_method="mpi://", **words)


def fill(*shape):
    return torch.arange(torch.tensor(shape).prod().item()).float().reshape(shape) + 10 * me()


def check_memory():
    """Compare tensors with gaps with the same numbers without."""
    gaps = fill(4, 4).t()[:, ::2]
    right = sum(gaps + 10 * (rank - me()) for rank in range(N))
    dist.all_reduce(gaps)
    assert torch.equal(gaps, right)
    dist.reduce_scatter(result := torch.zeros(2, 2).t(), [fill(2, 2) for _ in range(N)])
    assert torch.equal(result, sum(fill(2, 2) + 10 * (rank - me()) for rank in range(N)))
    dist.all_to_all_single(result := torch.zeros(3, N).t(), fill(3, N).t())
    assert result[0].tolist() == [me(), me() + N, me() + 2 * N]
    own = torch.zeros(2 * N)
    own[2 * me() : 2 * me() + 2] = fill(2)
    dist.all_gather_into_tensor(own, own[2 * me() : 2 * me() + 2])  # in place
    assert own.tolist() == [10.0 * rank + i for rank in range(N) for i in range(2)]


def check_uneven():
    results = [torch.zeros(rank + 1, 2) for rank in range(N)]
    dist.all_gather(results, fill(me() + 1, 2))
    assert [each[0, 0].item() for each in results] == [10.0 * rank for rank in range(N)]
    own = torch.zeros(me() + 1, dtype=torch.bfloat16)
    dist.reduce_scatter(own, [torch.ones(rank + 1, dtype=torch.bfloat16) for rank in range(N)])
    assert own.tolist() == [N] * (me() + 1)


def check_small_floats():
    for kind in (torch.float8_e4m3fn, torch.float8_e5m2):
        given = fill(3).to(kind)
        dist.all_gather(results := [torch.zeros(3).to(kind) for _ in range(N)], given)
        assert [each[0].float() for each in results] == [10.0 * rank for rank in range(N)]
        dist.broadcast(given, N - 1)
        assert given.float().tolist() == results[N - 1].float().tolist()
        rows = [me() + 1] * N
        dist.all_to_all_single(
            taken := torch.zeros(N * (N + 1) // 2).to(kind),
            torch.ones(N * (me() + 1)).to(kind),
            [rank + 1 for rank in range(N)],
            rows,
        )
        assert taken.float().tolist() == [1.0] * len(taken)


def check_refusals():
    """Refuse at every process, and go on."""
    for taken, sent in (
        ([1] * N, [1] * N),  # rows are left over
        (None, [1] * (N - 1) + [N + 1]),  # the other side expects equal parts
        ([2] * (N - 1) + [2 + me() % 2], [2] * N),  # not what the others send
    ):
        rows = sum(taken) if taken and me() % 2 and taken[0] == 2 else 2 * N
        with pytest.raises(ValueError, match=r"splits|sends|expected"):
            dist.all_to_all_single(torch.zeros(rows), fill(2 * N), taken, sent)
    with pytest.raises(ValueError, match="divide"):
        dist.all_to_all_single(torch.zeros(2 * N + 1), fill(2 * N + 1))
    with pytest.raises(ValueError, match=f"elements, expected {2 * N}"):
        dist.all_gather_into_tensor(torch.zeros(2 * N + 1), fill(2))
    for call, told in (
        (lambda: dist.recv(torch.zeros(1), me()), "which is this one"),
        (lambda: dist.all_reduce(torch.zeros(1), dist.ReduceOp.BOR), "BOR of torch.float32"),
    ):
        with pytest.raises(RuntimeError, match=told):
            call()
    dist.all_reduce(total := torch.ones(1))
    assert total.item() == N


def check_asynchronous():
    """Run a legal program that stands still where calls are done before they return."""
    pair = dist.new_group([0, 1])
    if me() > 1:
        return
    large = torch.ones(1 << 17)
    for _ in range(3):
        if me() == 0:
            first = dist.all_reduce(large, group=pair, async_op=True)
            dist.send(torch.ones(1), 1)
            first.wait()
        else:
            dist.recv(torch.ones(1), 0)
            dist.all_reduce(large, group=pair)
    assert large[0] == 8
    seen = []
    future = dist.all_reduce(torch.ones(2), group=pair, async_op=True).get_future()
    future.then(lambda done: seen.append(done.value()[0].tolist())).wait()
    assert seen == [[2.0, 2.0]]
    dist.destroy_process_group(pair)


def check_profiler():
    with torch.profiler.profile() as profile:
        dist.all_reduce(fill(2), async_op=True).wait()
        dist.all_gather_into_tensor(torch.zeros(2 * N), fill(2))
        dist.barrier()
    seen = {event.key for event in profile.key_averages()}
    assert seen >= {f"commplan:{name}" for name in ("all_reduce", "all_gather", "barrier")}


def check_any_source():
    if me() == 0 and not OFFICIAL:  # the class of torch 2.14 does not hand the source on
        assert sorted(dist.recv(torch.zeros(1)) for _ in range(N - 1)) == list(range(1, N))
    elif not OFFICIAL:
        dist.send(torch.zeros(1), 0)


def check_groups():
    """Make and destroy more groups than MPI has communicators."""
    for _ in range(GROUPS):
        group = dist.new_group([0, 1])
        if me() < 2:
            dist.destroy_process_group(group)
    dist.barrier()


def check_devices():
    join_ = commplan.torch.group.find_base()
    dist.init_process_group("cpu:commplan,cuda:gloo", init_method="mpi://")
    dist.all_reduce(total := torch.ones(1))
    assert total.item() == N
    other = dist.group.WORLD._get_backend(torch.device("cuda"))
    assert type(other).__name__ == "ProcessGroupGloo"
    other.allreduce([total]).wait()
    assert total.item() == N * N
    assert join_ or "cuda" in str(dist.group.WORLD._device_types)
    dist.destroy_process_group()


def late(call, told="blocked|within"):
    """Expect an error in time of a call that not all make."""
    began = time.monotonic()
    with pytest.raises(RuntimeError, match=told):
        call()
    assert time.monotonic() - began < SECONDS


def monitored(group):
    """Call what torch before 2.14 lets only gloo have by its own function."""
    seconds = timedelta(seconds=0.7)
    return dist.monitored_barrier(group, seconds) if OFFICIAL else group.monitored_barrier(seconds)


def check_timeouts():
    """Raise in time where others do not come, and live on; each with a group of its own."""
    second = timedelta(seconds=0.7)
    for call, told in (
        (lambda group: dist.all_reduce(fill(2), group=group), "blocked"),
        (lambda group: dist.all_reduce(fill(2), group=group, async_op=True).wait(), "blocked"),
        (lambda group: dist.barrier(group=group), "blocked"),
        (lambda group: dist.recv(fill(2), 1, group=group), "recv from rank 1"),
        (monitored, "rank 1 failed to pass"),
    ):
        group = dist.new_group(list(range(N)), timeout=second)
        if me() == 0:
            late(lambda call=call, group=group: call(group), told)
        WORLD.Barrier()
        dist.destroy_process_group(group)
    opts = dist.AllreduceOptions()
    opts.timeout, opts.asyncOp = second, False
    if me() == 0:
        late(lambda: dist.group.WORLD.allreduce([fill(2)], opts).wait())
        late(lambda: dist.irecv(fill(2), 1).wait(second), "within 0.7 s")
    WORLD.Barrier()


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    commplan.torch.register(star(N))
    with pytest.raises(ArgumentError, match=rf"MPI knows of {N} process.*start them by `mpirun"):
        dist.init_process_group("commplan", store=dist.HashStore(), rank=0, world_size=N + 1)
    check_devices()
    join(rank=(WORLD.rank + 1) % N, world_size=N)  # an order of torch's own
    assert me() == (WORLD.rank + 1) % N
    for check in (
        *(check_memory, check_uneven, check_small_floats, check_refusals, check_asynchronous),
        *(check_profiler, check_any_source, check_groups, check_timeouts),
    ):
        began = time.monotonic()
        check()
        if me() == 0 and len(sys.argv) > 2:
            print(check.__name__, time.monotonic() - began, flush=True)
    dist.destroy_process_group()
    if WORLD.rank == 0:
        print("right")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
