"""For a framework engineer: torch's DDP over planned collectives.

mpirun -n 4 python -m mpi4py examples/torch_training.py
"""

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import commplan
import commplan.torch

commplan.torch.register(commplan.topology("star:4"))
dist.init_process_group("commplan", init_method="mpi://")
torch.manual_seed(0)
model = DistributedDataParallel(torch.nn.Linear(8, 1))
optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
inputs = torch.randn(32, 8, generator=torch.Generator().manual_seed(dist.get_rank()))
for _ in range(50):
    optimiser.zero_grad()
    loss = ((model(inputs) - inputs[:, :1]) ** 2).mean()
    loss.backward()
    optimiser.step()
assert loss.item() < 0.01
if dist.get_rank() == 0:
    print(f"loss {loss.item():.4f}")
dist.destroy_process_group()
