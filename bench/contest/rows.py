"""A row of a benchmark: what was timed at one size."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of a call: of the slowest process (median), and of all (mean, least, most).

    Attributes:
        wrong: elements that are not right, None where nothing was checked.
    """

    seconds: float
    mean: float
    least: float
    most: float
    wrong: int | None


@dataclass(frozen=True)
class Row:
    """One size, in bytes; elements of a block; what was timed, None where it was not.

    Attributes:
        factor: busbw / algbw.
        predicted: seconds that the simulator says, and that nothing beats.
        bound: seconds that the simulator says, and that nothing beats.
        chosen: which schedule, in so many chunks.
        way: the executor.
    """

    size: int
    elements: int
    dtype: str
    op: str
    root: int
    iterations: int
    factor: float
    ours: Timing | None
    in_place: Timing | None
    theirs: Timing | None
    predicted: float | None
    bound: float | None
    chosen: str
    chunks: int
    way: str

    @property
    def ratio(self) -> float | None:
        """Give how many times as long MPI's own takes."""
        if self.ours is None or self.theirs is None:
            return None
        return self.theirs.seconds / self.ours.seconds

    @property
    def of_bound(self) -> float | None:
        """Give the part of the bound that is reached."""
        return None if self.ours is None or self.bound is None else self.bound / self.ours.seconds

    def algbw(self, timing: Timing) -> float:
        """Give bytes of size per second."""
        return self.size / timing.seconds

    @property
    def wrong(self) -> int:
        """Count what is wrong of ours."""
        return sum((each.wrong or 0) for each in (self.ours, self.in_place) if each)
