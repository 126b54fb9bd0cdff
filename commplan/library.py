"""The library's face: names handed on, nothing defined."""

# ruff: noqa: E402 (the floors are looked at before anything is imported from them)
from commplan._floors import check

check()

from commplan.anytime.checking import WrongSchedule
from commplan.candidates.measure import Candidate
from commplan.candidates.select import ScratchError
from commplan.changes.contingency import Contingency, Outcome, plan_contingency
from commplan.changes.replan import Replanned, replan
from commplan.changes.shrink import GoneError
from commplan.communicator import Communicator, PlacementError, Requests
from commplan.expectation.compiled import load_compiled
from commplan.expectation.expect import Expectation, Expected, expect
from commplan.expectation.patterns import Timing
from commplan.fitting.fit import Fit, fit
from commplan.fitting.fitted import Library, load_library
from commplan.fitting.library import FitError, Model, fit_library
from commplan.jobs.running import JobPlan, job
from commplan.judgement.judge import Judged, Judgement, JudgementError, Verdict, judge
from commplan.judgement.schedules import Comparison, compare
from commplan.measurements.read import load_measurements
from commplan.measurements.rows import Context, LogError, Measured
from commplan.planning.planner import Plan, plan
from commplan.schemas.schemas import schema
from commplan.together.planning import Together
from commplan.together.planning import together as plan_together
from commplan.tuning.launches import Manner
from commplan.tuning.tune import Tuned, tune
from commplan.tuning.turns import TuneError
from runtime.alone.own_program import lower_for
from runtime.emit.targets import TARGETS, Target, emit, emit_files
from runtime.execute.executor import Executor
from runtime.execute.faults import ExecutionError
from runtime.foreign.errors import ForeignError
from runtime.foreign.reading import load_foreign
from runtime.foreign.sends import Send, schedule_from
from runtime.launch.launch import Measurement, RunError, run
from runtime.launch.mpi import LaunchError
from runtime.launch.together import SetMeasurement, run_together
from runtime.program.lower import lower
from runtime.program.program import Program, ProgramError
from runtime.simulate.simulate import Simulation, simulate
from runtime.simulate.together import simulate_together
from runtime.verify.together import SetReport, verify_together
from runtime.verify.verify import Report, verify
from solvers.demands.distributions import DISTRIBUTIONS, Distribution
from solvers.demands.files import DemandError
from solvers.demands.matrix import demand
from solvers.demands.moe_tokens import tokens
from solvers.jobs.errors import JobError
from solvers.jobs.reading import load as load_job
from solvers.lp.linear_program import Infeasible, NotFound
from solvers.placement.search import Placement, place
from solvers.registry import SOLVERS, Solver, SolverError
from solvers.schedules.certificate import Bound, Cut, Prices
from solvers.schedules.collective import Collective, CollectiveError
from solvers.schedules.ensembles.ensemble import Ensemble, Task
from solvers.schedules.ensembles.files import load as load_together
from solvers.schedules.ensembles.files import save as save_together
from solvers.schedules.files import ScheduleFileError, check_topology
from solvers.schedules.files import load as load_schedule
from solvers.schedules.files import save as save_schedule
from solvers.schedules.kinds import collective
from solvers.schedules.moe import Tokens, combine, dispatch
from solvers.schedules.schedule import Schedule, Transfer
from solvers.schedules.unequal import all_to_allv
from solvers.settings.options import LimitError, SolverOptions
from solvers.solve import bound
from solvers.templates import TEMPLATES, Template
from solvers.templates.layout import TemplateError
from solvers.timing.birkhoff import Stages, stages
from topologies.derive.damage import Damage, damaged
from topologies.derive.failures import read_damage
from topologies.formats.files import load as load_topology
from topologies.formats.files import save as save_topology
from topologies.formats.networkx_graph import from_networkx, to_networkx
from topologies.formats.registry import FORMATS, Format
from topologies.formats.spec import catalogue, topology
from topologies.importers.hardware.profiles import PROFILES, Profile
from topologies.importers.importing import Imported, import_files
from topologies.importers.registry import IMPORTERS, Importer
from topologies.model.errors import ArgumentError, CommplanError
from topologies.model.registry import PluginError
from topologies.model.selection import ranks
from topologies.model.topology import Link, Switch, Topology, TopologyError, build
from topologies.presets.figures import Figure
from topologies.presets.preset import Preset
from topologies.presets.registry import PRESETS
from topologies.symmetry.group import SymmetryError

__all__ = [
    "DISTRIBUTIONS",
    "FORMATS",
    "IMPORTERS",
    "PRESETS",
    "PROFILES",
    "SOLVERS",
    "TARGETS",
    "TEMPLATES",
    "ArgumentError",
    "Bound",
    "Candidate",
    "Collective",
    "CollectiveError",
    "CommplanError",
    "Communicator",
    "Comparison",
    "Context",
    "Contingency",
    "Cut",
    "Damage",
    "DemandError",
    "Distribution",
    "Ensemble",
    "ExecutionError",
    "Executor",
    "Expectation",
    "Expected",
    "Figure",
    "Fit",
    "FitError",
    "ForeignError",
    "Format",
    "GoneError",
    "Imported",
    "Importer",
    "Infeasible",
    "JobError",
    "JobPlan",
    "Judged",
    "Judgement",
    "JudgementError",
    "LaunchError",
    "Library",
    "LimitError",
    "Link",
    "LogError",
    "Manner",
    "Measured",
    "Measurement",
    "Model",
    "NotFound",
    "Outcome",
    "Placement",
    "PlacementError",
    "Plan",
    "PluginError",
    "Preset",
    "Prices",
    "Profile",
    "Program",
    "ProgramError",
    "Replanned",
    "Report",
    "Requests",
    "RunError",
    "Schedule",
    "ScheduleFileError",
    "ScratchError",
    "Send",
    "SetMeasurement",
    "SetReport",
    "Simulation",
    "Solver",
    "SolverError",
    "SolverOptions",
    "Stages",
    "Switch",
    "SymmetryError",
    "Target",
    "Task",
    "Template",
    "TemplateError",
    "Timing",
    "Together",
    "Tokens",
    "Topology",
    "TopologyError",
    "Transfer",
    "TuneError",
    "Tuned",
    "Verdict",
    "WrongSchedule",
    "all_to_allv",
    "bound",
    "build",
    "catalogue",
    "check_topology",
    "collective",
    "combine",
    "compare",
    "damaged",
    "demand",
    "dispatch",
    "emit",
    "emit_files",
    "expect",
    "fit",
    "fit_library",
    "from_networkx",
    "import_files",
    "job",
    "judge",
    "load_compiled",
    "load_foreign",
    "load_job",
    "load_library",
    "load_measurements",
    "load_schedule",
    "load_together",
    "load_topology",
    "lower",
    "lower_for",
    "place",
    "plan",
    "plan_contingency",
    "plan_together",
    "ranks",
    "read_damage",
    "replan",
    "run",
    "run_together",
    "save_schedule",
    "save_together",
    "save_topology",
    "schedule_from",
    "schema",
    "simulate",
    "simulate_together",
    "stages",
    "to_networkx",
    "tokens",
    "topology",
    "tune",
    "verify",
    "verify_together",
]

# In a traceback an error has the name by which a user catches it.
for _name in __all__:
    _value = globals()[_name]
    if isinstance(_value, type) and issubclass(_value, CommplanError):
        _value.__module__ = "commplan"
