"""Run by mpirun: what calls of torch.distributed give over gloo and over commplan is alike."""

import os
import sys
import warnings
from datetime import timedelta

import torch
import torch.distributed as dist
import torch.distributed._functional_collectives as funcol
import torch.distributed.nn
from mpi4py import MPI
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel

import commplan.torch
from topologies.presets.shapes import star

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
PROBES = {}
RECORDED = {}


def probe(function):
    PROBES[function.__name__] = function
    return function


def fill(*shape, dtype=torch.float32):
    """Give a tensor whose elements tell who made it."""
    count = torch.tensor(shape).prod().item() if shape else 1
    return (torch.arange(count) + 10 * ME).to(dtype).reshape(shape)


def many(count=2):
    return [fill(count) for _ in range(N)]


def ended(work):
    """Wait for a call; give all that its work says of it.

    What torch 2.14 makes of a work of a backend in Python knows only to wait, and its future.
    """
    assert work.wait()
    said = [work.get_future().wait()]
    if commplan.torch.group.find_base() is None:
        said += [work.result(), work.is_completed(), work.is_success()]
    return said


@probe
def reductions():
    kinds = (torch.bool, torch.int32, torch.uint8, torch.int64, torch.float32, torch.float64)
    for op in ("SUM", "PRODUCT", "MIN", "MAX", "BAND", "BOR", "BXOR", "AVG"):
        for kind in (*kinds, torch.float16, torch.bfloat16, torch.complex64, torch.float8_e4m3fn):
            given = torch.tensor([ME % 2, 1, 0, 1]).to(kind)
            said = attempt(dist.all_reduce, given, getattr(dist.ReduceOp, op))
            yield said, given if said == "done" else None


@probe
def calls_on_futures():
    """Wait on a future for a call that was begun there, as PowerSGD's hook does."""

    def again(done):
        work = dist.all_reduce(done.value()[0], async_op=True)
        return work.get_future().wait()[0]

    yield dist.all_reduce(fill(2), async_op=True).get_future().then(again).wait()


@probe
def works():
    for call in (
        lambda: dist.all_reduce(fill(2), async_op=True),
        lambda: dist.broadcast(fill(2), N - 1, async_op=True),
        lambda: dist.all_gather(many(), fill(2), async_op=True),
        lambda: dist.all_to_all_single(fill(2 * N), fill(2 * N), async_op=True),
        lambda: dist.all_to_all(many(), many(), async_op=True),
        lambda: dist.scatter(fill(2), many() if ME == 0 else None, async_op=True),
        lambda: dist.barrier(async_op=True),
    ):
        yield ended(call())
    gathered = dist.gather(fill(2), many() if ME == 0 else None, async_op=True)
    yield ended(gathered) if ME == 0 else gathered.wait()
    total = dist.reduce(fill(2), 0, async_op=True)
    yield ended(total) if ME == 0 else total.wait()


@probe
def memory():
    for given in (
        torch.nn.Parameter(fill(3)),
        fill(2, 6).t(),
        torch.tensor(float(ME)),
        torch.empty(0),
        fill(2, 3).to_sparse(),
    ):
        dist.all_reduce(given)
        yield given
    given = torch.nn.Parameter(fill(4, 4).t())
    dist.broadcast(given, 1)
    yield given
    results = [torch.zeros(3, 2).t() for _ in range(N)]
    dist.all_gather(results, fill(2, 3))
    yield results


@probe
def sparse():
    places = torch.tensor([[ME, N], [0, 1]])
    given = torch.sparse_coo_tensor(places, torch.ones(2, 3) + ME, (N + 1, 2, 3))
    work = dist.all_reduce(given, async_op=True)
    yield ended(work)
    yield given
    nothing = torch.sparse_coo_tensor(torch.zeros(1, 0), torch.zeros(0), (4,))
    dist.all_reduce(nothing)
    yield nothing
    yield attempt(dist.all_reduce, given, dist.ReduceOp.MAX)


@probe
def splits():
    rows = [(i + ME) % 3 for i in range(N)]
    taken = [(i + ME) % 3 for i in range(N)]
    result = torch.zeros(sum(taken), 2)
    dist.all_to_all_single(result, fill(sum(rows), 2), taken, rows)
    yield result
    for one_sided in ([[2] * N, None], [None, [2] * N]):
        dist.all_to_all_single(result := torch.zeros(2 * N), fill(2 * N), *one_sided)
        yield result
    # A rank that sends or takes nothing may say so without the shape of a row.
    sent, got = (fill(2, 3), [2] + [0] * (N - 1)) if ME == 1 else (torch.empty(0), [0] * N)
    result, want = (torch.zeros(2, 3), [0, 2] + [0] * (N - 2)) if ME == 0 else (sent[:0], [0] * N)
    dist.all_to_all_single(result, sent, want, got)
    yield result


@probe
def messages():
    after, before = (ME + 1) % N, (ME - 1) % N
    result = torch.zeros(3)
    works = [dist.isend(fill(3), after, tag=5), dist.irecv(result, before, tag=5)]
    yield [work.wait() for work in works], result
    ops = [dist.P2POp(dist.isend, fill(2), after), dist.P2POp(dist.irecv, result[:2], before)]
    for work in dist.batch_isend_irecv(ops):
        work.wait()
    yield result
    small, large = torch.zeros(3), torch.zeros(1 << 18)
    if ME == 0:
        dist.send(fill(3), 1)
        dist.isend(fill(1 << 18), 1).wait()
        yield dist.recv(result, N - 1)
    elif ME == 1:
        dist.recv(small, 0)
        dist.recv(large, 0)
    if ME == N - 1:
        dist.send(fill(3), 0)
    yield small, large, result


@probe
def objects():
    dist.all_gather_object(results := [None] * N, {"rank": ME, "list": list(range(ME))})
    yield results
    dist.broadcast_object_list(results := [f"from {ME}", ME], N - 1)
    yield results
    dist.gather_object(ME, results := [None] * N if ME == 0 else None)
    yield results
    dist.scatter_object_list(result := [None], [f"for {i}" for i in range(N)] if ME == 0 else None)
    yield result
    if ME == 0:
        dist.send_object_list(["hello"], 1)
    elif ME == 1:
        dist.recv_object_list(result, 0)
    yield result


@probe
def coalesced():
    one, two = fill(3), fill(2, 2)
    with dist._coalescing_manager(async_ops=True) as manager:
        for each in (one, two):
            dist.all_reduce(each)
    manager.wait()
    yield one, two


@probe
def lists_of_lists():
    given = [fill(2), fill(3)]
    dist.all_reduce_coalesced(given)
    yield given
    dist.all_gather_coalesced(
        results := [[torch.zeros(2), torch.zeros(3)] for _ in range(N)], given
    )
    yield results
    words = dist.AllreduceOptions()
    words.reduceOp = dist.ReduceOp.MAX
    group, given = dist.group.WORLD, fill(2)
    group.allreduce([given], words).wait()
    yield given
    group.allreduce(given).wait()
    group.allreduce([given], dist.ReduceOp.SUM).wait()
    group.broadcast(given, root=1).wait()
    yield given
    group.allgather(results := [torch.zeros(2) for _ in range(N)], fill(2)).wait()
    yield results
    group.reduce_scatter(given, results, dist.ReduceOp.MAX).wait()
    yield given
    group.scatter(given, results if ME == 1 else [], 1).wait()
    yield given
    group.barrier().wait()


@probe
def nothing():
    for shape in ((0,), (0, 3), (2, 0)):
        given = torch.zeros(shape)
        dist.all_reduce(given)
        dist.broadcast(given, 0)
        dist.all_gather(results := [torch.zeros(shape) for _ in range(N)], given)
        yield given, results
    given = torch.tensor(ME % 2 == 0)
    dist.all_gather(results := [torch.tensor(False) for _ in range(N)], given)
    dist.scatter(given, results if ME == 0 else None)
    yield given, results


@probe
def functional():
    given, everyone = fill(2 * N, 2), list(range(N))
    for call in (
        lambda: funcol.all_reduce(given, "sum", everyone),
        lambda: funcol.all_gather_tensor(given, 0, everyone),
        lambda: funcol.reduce_scatter_tensor(given, "sum", 0, everyone),
        lambda: funcol.all_to_all_single(given, [2] * N, [2] * N, everyone),
        lambda: funcol.broadcast(given, 1, everyone),
    ):
        yield call() + 0
    leaf = fill(2).requires_grad_()
    total = dist.nn.functional.all_reduce(leaf * leaf)
    total.sum().backward()
    yield total, leaf.grad


@probe
def data_parallel():
    """Train with what of DDP hangs on futures, sparse gradients and unequal numbers of steps."""
    for hook in (None, default_hooks.fp16_compress_hook, default_hooks.allreduce_hook):
        torch.manual_seed(1)
        model = nn.Sequential(nn.EmbeddingBag(9, 4, sparse=hook is None), nn.Linear(4, 2))
        wrapped = DistributedDataParallel(model, bucket_cap_mb=1e-5)
        if hook is not None:
            wrapped.register_comm_hook(None, hook)
        steps = torch.optim.SGD(model.parameters(), lr=0.125)
        for i in range(3):
            wrapped(torch.tensor([[ME, i, 8]])).sum().backward()
            steps.step()
            steps.zero_grad()
        yield near(model.parameters())
    torch.manual_seed(1)
    wrapped = DistributedDataParallel(nn.Linear(2, 2), find_unused_parameters=True)
    with wrapped.join():
        for _ in range(1 + ME):
            wrapped(fill(1, 2)).sum().backward()
    yield near(each.grad for each in wrapped.parameters())


def near(tensors):
    """Round: gloo adds up in another order."""
    return [[round(float(n), 4) + 0.0 for n in each.detach().flatten()] for each in tensors]


@probe
def groups():
    pair = dist.new_group([N - 1, 0])
    if ME in (0, N - 1):
        dist.all_reduce(given := fill(2), group=pair)
        dist.all_gather(results := [torch.zeros(2)] * 2, fill(2), group=pair)
        dist.broadcast(root := fill(2), N - 1, group=pair)
        yield given, results, root, dist.get_rank(pair), dist.get_process_group_ranks(pair)
        dist.destroy_process_group(pair)


@probe
def refused():
    large = fill(2 * N + 1)
    for call in (
        lambda: dist.all_to_all_single(fill(2 * N), fill(2 * N), [1] * N, [1] * N),
        lambda: dist.all_to_all_single(fill(2 * N), fill(2 * N), [2 * N], [2 * N]),
        lambda: dist.all_gather_into_tensor(large, fill(2)),
        lambda: dist.all_gather(many()[1:], fill(2)),
        lambda: dist.broadcast(fill(1), N + 3),
        lambda: dist.all_reduce(fill(1).to(torch.float8_e5m2)),
    ):
        yield attempt(call)


def attempt(call, *words):
    """Tell whether a call is refused, as RuntimeError or ValueError, or done."""
    try:
        call(*words)
    except (RuntimeError, ValueError):
        return "refused"
    return "done"


def plain(thing):
    """Give something that can be compared."""
    if isinstance(thing, torch.Tensor):
        thing = thing.detach()
        thing = thing.coalesce().to_dense() if thing.is_sparse else thing
        whole = thing.resolve_conj().to(torch.complex128 if thing.is_complex() else torch.float64)
        return str(thing.dtype), tuple(thing.shape), whole.tolist()
    if isinstance(thing, list | tuple):
        return [plain(each) for each in thing]
    return thing


def tried(name):
    try:
        return [plain(each) for each in PROBES[name]()]
    except Exception as error:
        raise AssertionError(name) from error


def joined(backend, **words):
    name = WORLD.bcast(__import__("tempfile").mktemp() if ME == 0 else None)
    words = {"rank": ME, "world_size": N, "timeout": timedelta(seconds=60), **words}
    dist.init_process_group(backend, init_method=f"file://{name}", **words)


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    joined("gloo")
    right = {name: tried(name) for name in PROBES}
    dist.destroy_process_group()
    for progress in ("thread", "caller"):
        commplan.torch.register(star(N), progress=progress)
        joined("commplan")
        for name in PROBES:
            found = tried(name)
            for i, (ours, theirs) in enumerate(zip(found, right[name], strict=True)):
                assert repr(ours) == repr(theirs), (progress, name, i)
        dist.destroy_process_group()
    if ME == 0:
        print("right")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
