"""Schedules kept in a folder from one job to the next, for whoever asks for the same again."""

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from commplan._version import VERSION
from runtime.verify.determinism import is_deterministic
from runtime.verify.verify import verify
from solvers.schedules.collective import Collective
from solvers.schedules.files import check_topology, load, save
from solvers.schedules.schedule import Schedule
from topologies.model.topology import Topology, digest
from topologies.model.units import Bytes

LOG = logging.getLogger("commplan")


class Wanted(NamedTuple):
    """What a kept schedule is for: a collective, and a size in bytes."""

    collective: Collective
    size: Bytes


@dataclass(frozen=True)
class KeptSchedules:
    """A folder with a file for each machine, collective, size and version of commplan.

    Files are written whole or not at all, so that several jobs may share a folder; what lies there
    is checked like any file from outside, and what is wrong or cannot be read is planned anew.
    """

    folder: str | Path

    def load(self, machine: Topology, wanted: Wanted) -> Schedule | None:
        """Look up what was kept, if it is there and right."""
        path = self._path(machine, wanted)
        if not path.exists():
            return None
        try:
            found = load(str(path))
            check_topology(found, machine)
            faults = verify(found).faults
        except (OSError, ValueError) as error:
            faults = (" ".join(str(error).split()),)
        if not faults and not self._answers(found, wanted):
            faults = ("it is for something else",)
        if faults:
            LOG.warning("%s is left aside: %s", path, faults[0])
            return None
        return found

    def save(self, machine: Topology, wanted: Wanted, schedule: Schedule) -> None:
        """Keep a schedule; where that cannot be done, say so and go on."""
        path = self._path(machine, wanted)
        try:
            Path(self.folder).mkdir(parents=True, exist_ok=True)
            save(schedule, str(path))
        except (OSError, ValueError) as error:
            LOG.warning("%s is not kept: %s", path, " ".join(str(error).split()))

    def _answers(self, found: Schedule, wanted: Wanted) -> bool:
        return _describe(found.collective) == _describe(wanted.collective) and is_deterministic(
            found
        )

    def _path(self, machine: Topology, wanted: Wanted) -> Path:
        words = (VERSION, digest(machine), _describe(wanted.collective), wanted.size)
        name = hashlib.sha256(json.dumps(words).encode()).hexdigest()[:32]
        return Path(self.folder) / f"{wanted.collective.name}-{name}.json.gz"


def _describe(what: Collective) -> list[object]:
    """Give all that tells a collective from others, as JSON has it."""
    sizes = hashlib.sha256(repr([str(size) for size in what.sizes]).encode()).hexdigest()
    return [what.name, list(map(int, what.ranks)), what.root, sizes]
