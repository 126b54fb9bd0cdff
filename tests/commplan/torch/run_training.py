"""Run by mpirun: models trained over the backend, or with the hook, against gloo."""

import os
import sys
import tempfile
import time
import warnings

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from mpi4py import MPI
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.pipelining import PipelineStage, Schedule1F1B
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)
from torch.nn.parallel import DistributedDataParallel

import commplan.torch
from topologies.presets.shapes import star

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
STEPS = 50


def joined(backend):
    """Make the world's process group anew."""
    name = WORLD.bcast(tempfile.mktemp() if ME == 0 else None)
    dist.init_process_group(backend, init_method=f"file://{name}", rank=ME, world_size=N)


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 33), nn.ReLU(), nn.Linear(33, 1))


def data(of=(ME, N)):
    draw = torch.Generator().manual_seed(7)
    inputs = torch.randn(64, 12, generator=draw)
    wanted = inputs[:, :1] * 2 - inputs[:, 1:2]
    return inputs[of[0] :: of[1]], wanted[of[0] :: of[1]]


def train(wrapped, parameters, given=None):
    """Train for some steps; give the parameters."""
    inputs, wanted = given or data()
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
    """Train experts, one on each process, on rows that are sent to them, others at every step."""
    torch.manual_seed(ME)
    expert = nn.Linear(12, 1)
    inputs, wanted = data()
    steps = torch.optim.SGD(expert.parameters(), lr=0.05)
    for step in range(STEPS):
        chosen = (inputs[:, step % 12].abs() * 3).long() % N
        order = torch.argsort(chosen, stable=True)
        sent = torch.bincount(chosen, minlength=N)
        taken = torch.empty_like(sent)
        dist.all_to_all_single(taken, sent)
        splits = taken.tolist(), sent.tolist()
        steps.zero_grad()
        there = Exchange.apply(inputs[order], *splits)
        back = Exchange.apply(expert(there), *splits[::-1])
        ((back - wanted[order]) ** 2).mean().backward()
        steps.step()
    return torch.cat([each.reshape(-1) for each in expert.parameters()]).detach()


def two_ways():
    """Train with layers cut over two processes, and data and parameters over two such pairs."""
    mesh = init_device_mesh("cpu", (N // 2, 2), mesh_dim_names=("data", "layer"))
    made = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
    parallelize_module(made, mesh["layer"], {"0": ColwiseParallel(), "2": RowwiseParallel()})
    for each in made.parameters():
        nn.init.normal_(each.to_local(), std=0.1, generator=torch.Generator().manual_seed(3))
    fully_shard(made, mesh=mesh["data"])
    everything = data(of=(mesh["data"].get_local_rank(), N // 2))
    return train(made, lambda made: [each.full_tensor() for each in made.parameters()], everything)


def pipeline():
    """Train with a layer on each process."""
    torch.manual_seed(1)
    layers = [nn.Linear(12 if i == 0 else 9, 1 if i == N - 1 else 9) for i in range(N)]
    inputs, wanted = data(of=(0, 1))
    stage = PipelineStage(layers[ME], ME, N, torch.device("cpu"))
    schedule = Schedule1F1B(stage, 2 * N, loss_fn=nn.functional.mse_loss)
    steps = torch.optim.SGD(layers[ME].parameters(), lr=0.05)
    for _ in range(STEPS):
        steps.zero_grad()
        if ME == 0:
            schedule.step(inputs)
        elif ME == N - 1:
            schedule.step(target=wanted, losses=[])
        else:
            schedule.step()
        steps.step()
    return torch.cat([each.reshape(-1) for each in layers[ME].parameters()]).detach()


def checkpoint():
    """Save beside the training, by a group of its own, and find what was there at that time."""
    group, folder = dist.new_group(), WORLD.bcast(tempfile.mkdtemp() if ME == 0 else None)
    made = model()
    wrapped = DistributedDataParallel(made)
    train(wrapped, lambda made: list(made.parameters()))
    then = {name: value.clone() for name, value in made.state_dict().items()}
    saved = dcp.async_save(made.state_dict(), checkpoint_id=folder, process_group=group)
    after = train(wrapped, lambda made: list(made.parameters()))
    saved.result()
    found = {name: torch.zeros_like(value) for name, value in then.items()}
    dcp.load(found, checkpoint_id=folder, process_group=group)
    assert all(torch.equal(found[name], then[name]) for name in then)
    return after


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    works = (ddp, fsdp, two_ways, pipeline, mixture, checkpoint)
    joined("gloo")
    hooked = ddp(commplan.Communicator(WORLD, star(N), limit=30))
    right = {work.__name__: work() for work in works}
    dist.destroy_process_group()
    commplan.torch.register(star(N), limit=30)
    joined("commplan")
    for work in works:
        began = time.monotonic()
        error = (work() - right[work.__name__]).abs().max().item()
        assert error < 1e-5, (work.__name__, error)
        if ME == 0:
            print(f"{work.__name__}: at most {error:.1e} off, {time.monotonic() - began:.1f} s")
    assert (hooked - right["ddp"]).abs().max().item() < 1e-5
    if ME == 0:
        print("right")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
