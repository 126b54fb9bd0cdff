"""torch.distributed over planned collectives: a backend of c10d, and a hook for DDP."""

from commplan.torch.backend import register
from commplan.torch.hook import average

__all__ = ["average", "register"]
