"""The library's face: names handed on, nothing defined."""

# ruff: noqa: E402 (the floors are looked at before anything is imported from them)
from commplan._floors import check

check()

from commplan.candidates import Candidate, ScratchError
from commplan.checking import WrongSchedule
from commplan.communicator import Communicator, PlacementError
from commplan.limits import LimitError
from commplan.planner import Plan, plan
from runtime.emit.targets import TARGETS, emit
from runtime.execute.executor import Executor
from runtime.execute.faults import ExecutionError
from runtime.launch import Measurement, RunError, run
from runtime.lower import lower
from runtime.mpi import LaunchError
from runtime.program import Program, ProgramError
from runtime.simulate import Simulation, simulate
from runtime.verify import Report, verify
from solvers.certificate import Bound, Cut, Prices
from solvers.collective import Collective, CollectiveError, all_to_allv, collective
from solvers.demand import demand
from solvers.demand_file import DemandError
from solvers.experts import Tokens, combine, dispatch
from solvers.linear import Infeasible, NotFound
from solvers.routed import tokens
from solvers.schedule import Schedule, Transfer
from solvers.schedule_file import ScheduleFileError, check_topology
from solvers.schedule_file import load as load_schedule
from solvers.schedule_file import save as save_schedule
from solvers.solve import bound
from solvers.stages import Stages, stages
from solvers.terms import Terms
from topologies.errors import ArgumentError, CommplanError
from topologies.files import load as load_topology
from topologies.files import save as save_topology
from topologies.graph import from_networkx, to_networkx
from topologies.selection import ranks
from topologies.spec import catalogue, topology
from topologies.symmetry import SymmetryError
from topologies.topology import Link, Switch, Topology, TopologyError, build

__all__ = [
    "TARGETS",
    "ArgumentError",
    "Bound",
    "Candidate",
    "Collective",
    "CollectiveError",
    "CommplanError",
    "Communicator",
    "Cut",
    "DemandError",
    "ExecutionError",
    "Executor",
    "Infeasible",
    "LaunchError",
    "LimitError",
    "Link",
    "Measurement",
    "NotFound",
    "PlacementError",
    "Plan",
    "Prices",
    "Program",
    "ProgramError",
    "Report",
    "RunError",
    "Schedule",
    "ScheduleFileError",
    "ScratchError",
    "Simulation",
    "Stages",
    "Switch",
    "SymmetryError",
    "Terms",
    "Tokens",
    "Topology",
    "TopologyError",
    "Transfer",
    "WrongSchedule",
    "all_to_allv",
    "bound",
    "build",
    "catalogue",
    "check_topology",
    "collective",
    "combine",
    "demand",
    "dispatch",
    "emit",
    "from_networkx",
    "load_schedule",
    "load_topology",
    "lower",
    "plan",
    "ranks",
    "run",
    "save_schedule",
    "save_topology",
    "simulate",
    "stages",
    "to_networkx",
    "tokens",
    "topology",
    "verify",
]
