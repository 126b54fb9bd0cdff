"""Let groups of torch whose members are groups of a job run its schedules."""

import sys

import torch
import torch.distributed as dist
from mpi4py import MPI

import commplan
import commplan.torch

plan, me = commplan.job(sys.argv[1]), MPI.COMM_WORLD.rank
commplan.torch.register(plan)
dist.init_process_group("commplan", init_method="mpi://")
for kind in plan.kinds:
    for members in plan.members(kind):
        group = dist.new_group(list(members))
        if me not in members:
            continue
        machine, options = plan.settings_of(members)
        assert machine.ranks == plan.topology.ranks
        assert sorted(options["ranks"]) == sorted(plan.group(kind).played), options
        assert kind in options["schedules"], options
        total = torch.full((8192,), float(me))
        dist.all_reduce(total, group=group)
        assert (total == sum(members)).all(), (kind, members, total)
everyone = torch.ones(3)
dist.all_reduce(everyone)
assert everyone.tolist() == [len(plan.ranks)] * 3
assert plan.settings_of([0]) is None
dist.destroy_process_group()
if me == 0:
    print("right")
