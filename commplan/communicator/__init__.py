"""Planned collectives behind the calls of mpi4py."""

from commplan.communicator.communicator import Communicator
from commplan.communicator.placement import PlacementError
from commplan.communicator.waiting import Requests

__all__ = ["Communicator", "PlacementError", "Requests"]
