"""What was fitted of a library, from files: how long it takes for a collective.

A file is what `commplan fit --json` prints. Those of machines by name lie in `libraries`, with the
public source of the measurements in `source`; rows are left out there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import msgspec

from commplan.fitting.library import Changes, FitError, Model
from commplan.fitting.regime import Regime
from commplan.fitting.way import find_way
from commplan.measurements.rows import MOST_SECONDS, Measured
from topologies.formats import atomic
from topologies.model.messages import one_line
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds

FORMAT = "commplan/fit/1"
NAMES = ("small", "middle", "bulk")
IN_SWITCHES = "in switches"
FIGURES = (
    *("start_seconds", "hop_seconds", "middle_seconds_per_byte", "ends_seconds_per_byte"),
    "power",
)
SHIPPED = Path(__file__).with_name("libraries")
LEAST_POWER = 0.01
LIMIT = 64 * 10**6  # bytes of a file


class _Collective(msgspec.Struct):
    middle_from: float
    bulk_from: float | None
    bulk_from_is_for_each_rank: bool
    regimes: dict[str, dict[str, float | None]]
    added_in_switches: list[int] = []
    passed_switches_by: list[int] = []


class _Class(msgspec.Struct):
    name: str
    ranks: list[int]
    collectives: dict[str, _Collective]


class File(msgspec.Struct):
    """What a file must hold; the rest is for people."""

    format: str
    machine: str
    classes: list[_Class]
    library: str = "the library"
    source: str = ""


@dataclass(frozen=True)
class Library:
    """What a library was measured to take, on ranks that are joined by a class of links.

    Attributes:
        name: such as `NCCL 2.27.3`.
        machine: that it was measured on.
        source: of the measurements.
        models: by name of the class and numbers of ranks, of each collective.
    """

    name: str
    machine: str
    source: str
    models: Mapping[tuple[str, tuple[int, ...]], Mapping[str, Model]]

    def find(self, topology: Topology, ranks: Sequence[int]) -> Mapping[str, Model]:
        """Find the models that hold for some ranks: measured for no fewer and for no more.

        Args:
            topology: with the switches that join the same drawn as one.
            ranks: that take part.
        """
        if len(ranks) < 2:
            return {}
        name = topology.classes[find_way(topology, ranks).link_class].name
        for (own, counts), models in self.models.items():
            if own == name and min(counts) <= len(ranks) <= max(counts):
                return models
        return {}


def seconds(model: Model, ranks: int, size: Bytes) -> tuple[Seconds, str]:
    """Predict what a library takes, and in which regime."""
    row = Measured(model.collective, ranks, size, 1.0, 0)
    return model.seconds(row), f"data count as {NAMES[model.changes.regime(row)]}"


def load_library(path: atomic.Name) -> Library:
    """Read what was fitted of a library, from a file that `commplan fit --json` printed.

    Raises:
        FitError: one line, with the file and what is wrong there.
    """
    try:
        data = msgspec.json.decode(atomic.read(path, LIMIT), type=File)
        if data.format != FORMAT:
            raise ValueError(f"format {data.format!r}, expected {FORMAT}")
        return _library(data)
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
    except ValueError as error:
        fault = str(error)
    raise FitError(one_line(f"{path}: {fault}; expected what `commplan fit --json` prints"))


def known_library(topology: Topology) -> Library | None:
    """Look up what is shipped for a machine by its name; None where nothing is."""
    file = SHIPPED / f"{topology.name.partition(':')[0]}.json"
    return load_library(file) if file in SHIPPED.glob("*.json") else None


def _library(data: File) -> Library:
    models = {
        (each.name, tuple(each.ranks)): {
            name: _model(name, own) for name, own in each.collectives.items()
        }
        for each in data.classes
        if each.ranks
    }
    return Library(data.library, data.machine, data.source, models)


def _model(name: str, data: _Collective) -> Model:
    """Make a model.

    Raises:
        ValueError: it has no regime that is known, or a figure is missing.
    """
    third = inf if data.bulk_from is None else data.bulk_from
    regimes = {
        number: _regime(data.regimes[word])
        for number, word in enumerate(NAMES)
        if word in data.regimes
    }
    if not regimes:
        raise ValueError(f"{name} has no regime")
    adding = data.regimes.get(IN_SWITCHES)
    return Model(
        name,
        Changes(data.middle_from, third, data.bulk_from_is_for_each_rank),
        regimes,
        None if adding is None else _regime(adding),
        frozenset(data.added_in_switches),
        frozenset(data.passed_switches_by),
    )


def _regime(data: Mapping[str, float | None]) -> Regime:
    """Make a regime.

    Raises:
        ValueError: a figure is missing or below 0, or the power is none.
    """
    figures = [-1.0 if each is None else each for each in map(data.get, FIGURES)]
    errors = (data.get(f"{name}_error") for name in FIGURES)
    if not (all(0 <= each <= MOST_SECONDS for each in figures) and figures[-1] >= LEAST_POWER):
        raise ValueError(f"figures {figures}, expected {', '.join(FIGURES)} from 0")
    return Regime(tuple(figures), tuple(inf if each is None else each for each in errors))
