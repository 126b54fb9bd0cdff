"""torch.distributed over planned collectives: a backend of c10d, and a hook for DDP."""

from commplan.torch.hook import average
from commplan.torch.registration import register

__all__ = ["average", "register"]
