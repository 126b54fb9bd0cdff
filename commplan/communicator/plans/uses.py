"""Which plan served which calls, how often and how long: counted as calls come to their end."""

from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from topologies.model.units import Bytes, Seconds, bytes_of, count_of, duration

PLAN, MPI = "plan", "MPI"


class PlanUse(NamedTuple):
    """What served the calls of a collective with sizes between two, at this process.

    Attributes:
        collective: its name, or that of the call of mpi4py.
        root: the process, or -1.
        from_bytes: the least size that this is for.
        to_bytes: the largest.
        by: "plan" or "MPI".
        why: which plan, or why MPI.
        predicted_seconds: by the model of the machine; None where MPI does it.
        calls: that came to their end.
        total_seconds: of all, as measured here.
        least_seconds: of the fastest.
    """

    collective: str
    root: int
    from_bytes: Bytes
    to_bytes: Bytes
    by: str
    why: str
    predicted_seconds: Seconds | None
    calls: int
    total_seconds: Seconds
    least_seconds: Seconds

    @property
    def mean_seconds(self) -> Seconds:
        """Compute the time of a call on average."""
        return self.total_seconds / self.calls if self.calls else 0.0

    def __str__(self) -> str:
        root = f" from root {self.root}" if self.root >= 0 else ""
        sizes = f", {bytes_of(self.from_bytes)}" if self.from_bytes else ""
        if self.to_bytes > self.from_bytes:
            sizes += f" to {bytes_of(self.to_bytes + 1)}"
        said = self.predicted_seconds
        predicted = "" if said is None else f", {duration(said)} predicted"
        times = f"{duration(self.mean_seconds)} on average, {duration(self.least_seconds)} at best"
        served = f"{count_of(self.calls, 'call')}, {times}" if self.calls else "no calls"
        return f"{self.collective}{root}{sizes}: {self.by} ({self.why}){predicted}; {served}"


@dataclass
class Uses:
    """The calls that one plan served so far.

    Attributes:
        what: of these, but for the counts.
        due: the number of the call at which another plan is taken over.
    """

    what: PlanUse
    due: float = inf
    calls: int = 0
    total: Seconds = 0.0
    least: Seconds = field(default=inf)
    untimed: int = 0

    def note(self, seconds: Seconds) -> None:
        """Count a call."""
        self.calls += 1
        self.total += seconds
        self.least = min(self.least, seconds)

    def count(self, calls: int) -> None:
        """Count calls that nobody timed; they are taken to last as the others do."""
        self.calls += calls
        self.untimed += calls

    def read(self) -> PlanUse:
        """Give what was counted."""
        timed = self.calls - self.untimed
        least, mean = (self.least, self.total / timed) if timed else (0.0, 0.0)
        total = mean * self.calls
        return self.what._replace(calls=self.calls, total_seconds=total, least_seconds=least)
