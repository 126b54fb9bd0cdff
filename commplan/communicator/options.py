"""What a communicator may be told beside its machine and its processes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from commplan.communicator.sums.widening import ACCUMULATES, Accumulate
from runtime.execute.executor import SECONDS, WAYS, Way
from topologies.model.arguments import number, refuse, whole
from topologies.model.units import Seconds

Progress = Literal["caller", "thread"]
PROGRESS: tuple[Progress, ...] = get_args(Progress)
Order = Literal["plan", "fixed"]
ORDERS: tuple[Order, ...] = get_args(Order)
SHARED = ("order", "accumulate", "plan_at", "way", "abort", "survive")
PLANNING_SECONDS = 60.0


@dataclass(frozen=True)
class Options:
    """How a communicator plans, runs and ends.

    Attributes:
        schedules: a folder of compiled files, read by process 0 before anything is planned.
        way: see `Executor`.
        limit: seconds to wait for a message.
        planning_seconds: the most that a plan may take.
        abort: end all processes where a collective does not come to its end; else raise.
        survive: raise as well, and go on after `replan`. Planned calls then work on copies of the
            buffers, which late messages may still be written to; what is left to MPI does not.
        contingency: folders of `commplan contingency`, read by process 0 at the beginning, from
            which `replan` takes the plan for any single failure at once.
        order: "fixed" adds floats up in one bracket over the processes by number, whatever the
            plan, the size and the place of an element (docs/numbers.md).
        accumulate: "float32" adds floats of 16 bits up as these, and rounds once.
        plan_at: the number of the call of a collective, root and size class at which the plan
            that process 0 searches for in the background is taken over; before it a known pattern
            serves. 1 searches at the first call, while all wait.
        cache: a folder in which process 0 keeps schedules for later jobs on the same machine.
        progress: "thread" lets what was begun go on in a thread of the communicator, whatever the
            caller does meanwhile; "caller" while a call of a communicator waits or tests.

    Raises:
        ArgumentError: something of another kind.
    """

    schedules: str | Path | None = None
    way: Way = "best"
    limit: Seconds = SECONDS
    planning_seconds: Seconds = PLANNING_SECONDS
    abort: bool = True
    survive: bool = False
    contingency: str | Path | Sequence[str | Path] = ()
    order: Order = "plan"
    accumulate: Accumulate = None
    plan_at: int = 32
    cache: str | Path | None = None
    progress: Progress = "caller"

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            refuse("way", self.way, " or ".join(WAYS))
        if self.progress not in PROGRESS:
            refuse("progress", self.progress, " or ".join(PROGRESS))
        if self.order not in ORDERS:
            refuse("order", self.order, " or ".join(ORDERS))
        if self.accumulate not in (None, *ACCUMULATES):
            refuse("accumulate", self.accumulate, " or ".join(("None", *ACCUMULATES)))
        whole("plan_at", self.plan_at, 1)
        number("limit", self.limit, above=True)
        number("planning_seconds", self.planning_seconds, above=True)

    @property
    def folders(self) -> tuple[str | Path, ...]:
        """List the folders of contingencies."""
        asked = self.contingency
        return (asked,) if isinstance(asked, str | Path) else tuple(asked)

    def shared(self) -> dict[str, str]:
        """Give those that have to be the same at all processes."""
        return {name: repr(getattr(self, name)) for name in SHARED}

    def words(self) -> dict[str, Any]:
        """Give them by their names, for another communicator."""
        return asdict(self)
