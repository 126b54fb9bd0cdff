"""Launches of programs with a lead and without one: what is kept, told, and what does not hold."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import median, stdev

from bench.contest.kept import Kept
from bench.verdict import verdict_on
from topologies.model.units import Bytes, Seconds, bytes_of

FORMAT = "commplan/bench-leads/1"
FEWEST, ALIKE = 3, 0.02  # launches, and how much longer the longest of alike ones is at most
LEAST = {2**23: 0.85, 2**25: 0.9}  # of the bound, at so many bytes
NEAR = 0.1  # a prediction may be off by
# Of launches in turns, the difference that is none: times the standard error (Student, 4 degrees).
SURE = 2.78
HEAD = (
    f"{'machine':28}{'collective':12}{'size':>7}{'n':>4}{'lead':>5}{'chunks':>7}{'bound':>9}{'ours':>9}"
    f"{'of it':>7}{'lead 1':>9}{'/ ours':>7}{'+-':>6}{'fifo':>9}{'/ meas.':>8}{'fair':>9}"
    f"{'/ meas.':>8}   milliseconds"
)


@dataclass(frozen=True)
class Case:
    """A machine, a collective and a size: what is asked of a plan."""

    machine: str
    collective: str
    size: Bytes
    slower: int

    @property
    def name(self) -> str:
        """Name it in a line."""
        return f"{self.machine} {self.collective} {bytes_of(self.size)}"


@dataclass(frozen=True)
class Launched:
    """A launch, as it is kept: seconds.

    Attributes:
        plan: names the program that was chosen.
        lead: that was chosen.
        stepped: whether it was run with a lead of 1 all the same.
        fifo, fair: what is predicted.
        faults: what was not right of results and traffic.
        wrong: whether a result was not.
        marked: it says little of the machine that was asked for.
    """

    plan: str
    lead: int
    stepped: bool
    chunks: int
    seconds: Seconds
    bound: Seconds
    fifo: Seconds
    fair: Seconds
    faults: Sequence[str]
    wrong: bool
    marked: bool


@dataclass(frozen=True)
class Journal:
    """The launches that were made, by case."""

    kept: Kept

    def of(self, case: Case) -> list[Launched]:
        """List those of the last plan for a case."""
        found = [
            Launched(**{name: row[name] for name in Launched.__dataclass_fields__})
            for row in self.kept.rows
            if all(row[name] == value for name, value in asdict(case).items())
        ]
        return [each for each in found if each.plan == found[-1].plan]

    def add(self, case: Case, launched: Launched) -> None:
        """Keep one."""
        self.kept.add(asdict(case) | asdict(launched))

    def ended(self, case: Case, launches: int, *, alone: bool) -> bool:
        """Tell whether a case was launched often enough, or until all was alike."""
        ours, stepped = split(self.of(case))
        if not ours:
            return False
        both = [ours] if alone or ours[0].lead == 1 else [ours, stepped]
        fewest = min(map(len, both))
        return fewest >= launches or (fewest >= FEWEST and all(map(alike, both)))


def split(found: Sequence[Launched]) -> tuple[list[Launched], list[Launched]]:
    """Give the launches with the lead that was chosen, and those with a lead of 1."""
    return [each for each in found if not each.stepped], [each for each in found if each.stepped]


def alike(found: Sequence[Launched]) -> bool:
    """Tell whether launches took about as long as each other."""
    seconds = [each.seconds for each in found]
    return max(seconds) <= (1 + ALIKE) * min(seconds)


@dataclass(frozen=True)
class Row:
    """What came out of the launches of a case, in turns; there is one at least."""

    ours: Sequence[Launched]
    stepped: Sequence[Launched]

    @property
    def seconds(self) -> Seconds:
        """Compute what it takes."""
        return median(each.seconds for each in self.ours)

    @property
    def share(self) -> float:
        """Compute what is reached of the bound."""
        return self.ours[0].bound / self.seconds

    @property
    def predicted(self) -> dict[str, Seconds]:
        """Give what is predicted for each way of sharing: cables differ a little each time."""
        return {
            "fifo": median(each.fifo for each in self.ours),
            "fair": median(each.fair for each in self.ours),
        }

    @property
    def aside(self) -> bool:
        """Tell whether it counts for nothing."""
        return self.share > 1 or any(each.marked for each in self.ours)

    @property
    def gain(self) -> float:
        """Compute how many times as fast it is with its lead."""
        return median(each.seconds for each in self.stepped or self.ours) / self.seconds

    @property
    def doubt(self) -> float:
        """Compute by how much the gain may be off."""
        pairs = zip(self.ours, self.stepped or self.ours, strict=False)
        ratios = [b.seconds / a.seconds for a, b in pairs]
        return SURE * stdev(ratios) / sqrt(len(ratios)) if len(ratios) > 1 else 1.0

    @property
    def faults(self) -> list[str]:
        """List what was not right."""
        return [fault for each in (*self.ours, *self.stepped) for fault in each.faults]

    def line(self, case: Case) -> str:
        """Write the row of the table."""
        first = self.ours[0]
        said = "".join(f"{s * 1e3:9.1f}{s / self.seconds:8.2f}" for s in self.predicted.values())
        wrong = any(each.wrong for each in (*self.ours, *self.stepped))
        took = f"{self.seconds * self.gain * 1e3:9.1f}{self.gain:7.2f}{self.doubt:6.2f}"
        beside = took if self.stepped else f"{'-':>9}{'-':>7}{'-':>6}"
        return (
            f"{case.machine:28}{case.collective:12}{bytes_of(case.size):>7}{len(self.ours):4}"
            f"{first.lead:5}{first.chunks:7}{first.bound * 1e3:9.1f}{self.seconds * 1e3:9.1f}"
            f"{self.share:7.1%}{beside}{said}"
            f"{verdict_on(wrong, self.faults)}{' *' if self.aside else ''}"
        )

    def missed(self, size: Bytes, sharing: str) -> Iterator[str]:
        """Say what does not hold."""
        yield from self.faults
        if self.aside:
            return
        if self.share < LEAST.get(size, 0.0):
            yield f"{self.share:.2f} of the bound"
        if self.gain < 1 - self.doubt:
            yield f"{self.gain:.2f} times as fast as with a lead of 1"
        if abs(self.predicted[sharing] / self.seconds - 1) > NEAR:
            yield f"predicted {self.predicted[sharing] / self.seconds:.2f} of what it took"
