"""Run by mpirun: models trained over the backend, or with the hook, against gloo."""

import os
import sys
import tempfile

import torch
import torch.distributed as dist
from mpi4py import MPI
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

import commplan.torch
from topologies.presets.shapes import star

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
STEPS = 8


def joined(backend):
    """Make the world's process group anew."""
    name = WORLD.bcast(tempfile.mktemp() if ME == 0 else None)
    dist.init_process_group(backend, init_method=f"file://{name}", rank=ME, world_size=N)


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 33), nn.ReLU(), nn.Linear(33, 1))


def data(seed=7):
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(64, 12, generator=draw)
    wanted = inputs[:, :1] * 2 - inputs[:, 1:2]
    return inputs[ME::N], wanted[ME::N]


def train(wrapped, parameters):
    """Train for some steps; give the parameters."""
    inputs, wanted = data()
    steps = torch.optim.SGD(wrapped.parameters(), lr=0.05)
    first = last = 0.0
    for step in range(STEPS):
        steps.zero_grad()
        loss = ((wrapped(inputs) - wanted) ** 2).mean()
        loss.backward()
        steps.step()
        first, last = (loss.item() if step == 0 else first), loss.item()
    assert last < first
    return torch.cat([each.reshape(-1) for each in parameters(wrapped)]).detach()


def ddp(hook=None):
    wrapped = DistributedDataParallel(model())
    if hook is not None:
        wrapped.register_comm_hook(hook, commplan.torch.average)
    return train(wrapped, lambda made: list(made.parameters()))


def fsdp():
    made = model()
    mesh = init_device_mesh("cpu", (N,))
    for layer in (made[0], made[2], made):
        fully_shard(layer, mesh=mesh)
    return train(made, lambda made: [each.full_tensor() for each in made.parameters()])


class Exchange(torch.autograd.Function):
    """An all_to_all of rows, and the way back."""

    @staticmethod
    def forward(ctx, rows, taken, sent):
        ctx.splits = sent, taken
        result = rows.new_empty((sum(taken), rows.shape[1]))
        dist.all_to_all_single(result, rows.contiguous(), taken, sent)
        return result

    @staticmethod
    def backward(ctx, grad):
        taken, sent = ctx.splits
        result = grad.new_empty((sum(taken), grad.shape[1]))
        dist.all_to_all_single(result, grad.contiguous(), taken, sent)
        return result, None, None


def mixture():
    """Train experts, one on each process, on rows that are sent to them."""
    torch.manual_seed(ME)
    expert = nn.Linear(12, 1)
    inputs, wanted = data()
    chosen = (inputs[:, 2].abs() * 3).long() % N
    order = torch.argsort(chosen, stable=True)
    sent = torch.bincount(chosen, minlength=N)
    taken = torch.empty_like(sent)
    dist.all_to_all_single(taken, sent)
    splits = taken.tolist(), sent.tolist()
    steps = torch.optim.SGD(expert.parameters(), lr=0.05)
    for _ in range(STEPS):
        steps.zero_grad()
        there = Exchange.apply(inputs[order], *splits)
        back = Exchange.apply(expert(there), *splits[::-1])
        ((back - wanted[order]) ** 2).mean().backward()
        steps.step()
    return torch.cat([each.reshape(-1) for each in expert.parameters()]).detach()


def calls():
    """Call what training does not."""
    whole = [torch.zeros(2, 3) for _ in range(N)]
    dist.all_gather(whole, torch.full((2, 3), float(ME)))
    assert [int(each[0, 0]) for each in whole] == list(range(N))
    half = torch.ones(5, dtype=torch.bfloat16)
    dist.all_reduce(half)
    assert half.tolist() == [N] * 5
    gaps = torch.full((4, 4), float(ME)).t()[:, ::2]
    dist.broadcast(gaps, N - 1)
    assert gaps.unique().tolist() == [N - 1]
    total = torch.full((3,), ME)
    dist.reduce(total, 1, dist.ReduceOp.MAX)
    assert ME != 1 or total.tolist() == [N - 1] * 3
    parts = [torch.full((2,), float(i + ME)) for i in range(N)]
    own = torch.zeros(2)
    dist.reduce_scatter(own, parts, dist.ReduceOp.AVG)
    assert own.tolist() == [ME + (N - 1) / 2] * 2
    everyone = [torch.zeros(2) for _ in range(N)]
    dist.all_to_all(everyone, parts)
    assert [each[0] for each in everyone] == [ME + i for i in range(N)]
    taken = torch.zeros(2)
    dist.scatter(taken, parts if ME == 2 else None, 2)
    assert taken.tolist() == [ME + 2] * 2
    dist.gather(taken, everyone if ME == 0 else None, 0)
    some = dist.new_group([0, N - 1])
    if ME in (0, N - 1):
        pair = torch.ones(1)
        dist.all_reduce(pair, group=some)
        assert pair.item() == 2
    work = dist.all_reduce(own, async_op=True)
    assert work.wait()
    dist.barrier()


def main() -> None:
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    joined("gloo")
    hooked = ddp(commplan.Communicator(WORLD, star(N), limit=30))
    right = {work.__name__: work() for work in (ddp, fsdp, mixture)}
    dist.destroy_process_group()
    commplan.torch.register(star(N), limit=30)
    joined("commplan")
    calls()
    for work in (ddp, fsdp, mixture):
        error = (work() - right[work.__name__]).abs().max().item()
        assert error < 1e-5, (work.__name__, error)
    assert (hooked - right["ddp"]).abs().max().item() < 1e-5
    if ME == 0:
        print("right")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
