"""Whether times that somebody measured are possible, if the job is as it is described.

No schedule of a collective, in any placement, takes less than its cuts need for its bytes
(`bounds.py`). What was measured to take less shows that something assumed is not so: fewer bytes
move (another type, fewer copies), or links are faster. How much so is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from solvers.jobs.errors import JobError
from solvers.placement.judge import Judged
from topologies.model.messages import unknown
from topologies.model.units import Bytes, Seconds


@dataclass(frozen=True)
class Claim:
    """A time that was measured of one call of a flow, beside the least that is possible.

    Attributes:
        bytes: of a rank's largest buffer, as the job has them.
        most: of these, that could have been moved in the time.
    """

    name: str
    measured: Seconds
    least: Seconds
    bytes: Bytes
    most: float

    @property
    def possible(self) -> bool:
        """Tell whether what is assumed of the job and the machine can be."""
        return self.measured >= self.least

    @property
    def part(self) -> float:
        """Give the part of the bound's rate that was reached; above 1 none could be."""
        return self.least / self.measured


def compare(best: Judged, measured: Mapping[str, Seconds]) -> list[Claim]:
    """Compare what calls were measured to take with what no schedule beats.

    Args:
        best: the least of each flow of a step.
        measured: seconds of one call, by the name of the flow.

    Raises:
        JobError: no flow has a name.
    """
    known = {cost.flow.name: cost for cost in best.costs}
    found = []
    for name, seconds in measured.items():
        if name not in known:
            raise JobError(f"--measured: {unknown('flow', name, list(known))}")
        cost = known[name]
        size = int(cost.flow.bytes)
        most = max(seconds - cost.latency, 0.0) / cost.per_byte if cost.per_byte else size
        found.append(Claim(name, seconds, cost.seconds / cost.flow.times, size, most))
    return found
