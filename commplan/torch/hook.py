"""A communication hook for DDP: any process group, but gradients go by planned collectives."""

import torch
import torch.distributed as dist

from commplan.communicator import Communicator
from commplan.torch.tensors import dense, memory, put_back


def average(world: Communicator, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
    """Average a bucket of gradients over the processes: `ddp.register_comm_hook(world, average)`.

    It is done when this returns: nothing runs on beside the backward pass.
    """
    buffer = bucket.buffer()
    whole = dense(buffer)
    world.Allreduce(world.IN_PLACE, memory(whole), "avg")
    put_back(buffer, whole)
    done: torch.futures.Future[torch.Tensor] = torch.futures.Future()
    done.set_result(buffer)
    return done
