"""Launches of MPI's own collectives on an emulated machine, kept in a file as they end.

A launch that is in the file is not made again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf, isfinite
from pathlib import Path

from bench.contest.interrupted import refuse_interrupted
from bench.contest.kept import JournalError, Kept
from bench.fabric_contest import CONNECTING
from commplan.selection.targets import Target
from runtime.fabric.hosts import mpi
from runtime.fabric.machine import Machine
from runtime.launch.first_failure import wrap_command
from runtime.launch.process import run_limited
from topologies.model.units import Bytes, Rank, Seconds

FORMAT = "commplan/bench-select/1"
LIMIT = 120.0  # seconds of a launch
CALLS, LARGE, LARGEST = 9, 2**20, 2**23  # of large sizes one call, of the largest no other before
DEFAULT, FILE = "the library's own choice", "the file"
LOOK = -1  # the turn of a launch that only looks at an algorithm

Times = Mapping[Bytes, Seconds]


@dataclass(frozen=True)
class Launch:
    """What one launch is of.

    Attributes:
        who: an algorithm's title, or DEFAULT or FILE.
        turn: LOOK, or which of the launches in turns it is.
        text: a digest of the file that it was given; empty without one.
    """

    case: str
    collective: str
    who: str
    turn: int
    text: str = ""


@dataclass
class Journal:
    """The launches that were made, in memory and in a file if there is one.

    Attributes:
        until: the time of the clock (`time.monotonic`) after which none is begun.
    """

    library: str
    path: Path | None = None
    until: Seconds = inf
    known: dict[Launch, dict[Bytes, Seconds]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._kept = Kept(FORMAT, self.library, self.path, self.until)
        try:
            for row in self._kept.rows:
                launch = Launch(*(row[key] for key in Launch.__dataclass_fields__))
                times = {int(size): inf if s is None else s for size, s in row["seconds"].items()}
                self.known.setdefault(launch, {}).update(times)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise JournalError(f"{self.path}: no file of launches, expected {FORMAT}") from None

    def missing(self, launch: Launch, sizes: Sequence[Bytes]) -> list[Bytes]:
        """List the sizes that are still to be measured."""
        have = self.known.get(launch, {})
        return [size for size in sizes if size not in have]

    def begin(self) -> None:
        """Go on while there is time.

        Raises:
            TimeOverError: there is none.
        """
        self._kept.begin()

    def add(self, launch: Launch, times: Times) -> None:
        """Keep what a launch took."""
        self.known.setdefault(launch, {}).update(times)
        seconds = {str(size): took if isfinite(took) else None for size, took in times.items()}
        fields = {key: getattr(launch, key) for key in Launch.__dataclass_fields__}
        self._kept.add({**fields, "seconds": seconds})


def digest(text: str | None) -> str:
    """Name a file by its text."""
    return "" if text is None else sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Bed:
    """An emulated machine that is up, the hosts of the processes, the program and the library."""

    machine: Machine
    played: tuple[Rank, ...]
    program: Path
    target: Target
    file: Path
    journal: Journal

    def time(self, launch: Launch, sizes: Sequence[Bytes], text: str | None) -> None:
        """Time MPI's own collective at the sizes that are missing, with a file or without.

        A launch that fails or a result that is wrong takes for ever; one that somebody ended
        from outside is not kept.

        Raises:
            TimeOverError: there is no time for it.
            FabricError, LaunchError: it was ended from outside.
        """
        missing = self.journal.missing(launch, sizes)
        if missing:
            self.journal.begin()
            self.journal.add(launch, self._launch(launch.collective, missing, text))

    def _launch(self, what: str, sizes: Sequence[Bytes], text: str | None) -> Times:
        here = mpi(self.machine.keeper, self.played)
        chosen = []
        if text is not None:
            self.file.write_text(text)
            named = self.target.variables(str(self.file))
            chosen = [f"{name}={value}" for name, value in named.items()]
        words = [str(self.program), what, str(CALLS), "1", str(CONNECTING), *map(_often, sizes)]
        wrapped = wrap_command(["env", *chosen, *words])
        command = [*here.command_line(len(self.played)), *wrapped]
        ended = run_limited(command, here.environment(LIMIT), LIMIT)
        refuse_interrupted(ended, self.machine.keeper)
        rows = [line.split() for line in ended.output if len(line.split()) == 3][1:]
        found = {
            size: float(row[1]) if row[2] == "0" else inf
            for size, row in zip(sizes, rows, strict=False)
        }
        return dict.fromkeys(sizes, inf) | found


def _often(size: Bytes) -> str:
    """Say how often a size is called, and how often before that."""
    if size >= LARGEST:
        return f"{size}:1:0"
    return f"{size}:1" if size >= LARGE else str(size)
