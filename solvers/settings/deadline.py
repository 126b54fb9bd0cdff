"""What a solver and whoever asked it share: the time, the work, a way to stop, and news.

Time and work are two things. The time is the user's: when it is over, or at Ctrl-C, everything
ends, and `not_tried` says what that left out. Work is what a search may do before it gives up on
its own; it is counted, so that the answer is the same on a slow or busy computer. A unit of work
is about what a computer of 2026 does in a second that it has for itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from threading import Event, RLock
from time import monotonic

from solvers.schedules.certificate import Bound
from topologies.model.errors import NO, CommplanError
from topologies.model.units import Seconds


class NotFound(CommplanError, ValueError):
    """No solution was found in the time or accuracy given; nothing is proved."""

    exit_code = NO


@dataclass(frozen=True)
class News:
    """What is going on.

    Attributes:
        doing: in a word or two.
        bound: the tightest that is known.
        best: size / time, bytes per second, of the best schedule so far, 0 if there is none; not
            exact, and not checked yet.
    """

    doing: str = "starting"
    bound: Bound | None = None
    best: float = 0.0


LONGEST = 10.0**6  # seconds that anything waits at a stretch
WHOLE = 600.0  # work that the parts of a question share; the question as a whole may take more
OnProgress = Callable[[News], None]


class Watch:
    """The seconds that a question may take, from now on; safe to use from several threads.

    Whoever works looks at `over` or calls `check` often, tells what it has spent, and tells news;
    whoever waits hears them, and may stop the work before its time.

    Args:
        whole: what this is a stage of; its end is the stage's too.
        work: what the stage may do.
        what: its name, for the list of what is not tried if it ends for lack of time.
        crowded: whether others take much of the processors, so that what is done last must begin
            early and may end late.
    """

    def __init__(
        self,
        seconds: Seconds = inf,
        on_progress: OnProgress = lambda _: None,
        whole: "Watch | None" = None,
        work: float = inf,
        what: str = "",
        *,
        crowded: bool = False,
    ) -> None:
        self.started = monotonic()
        self.news = News()
        self.spent = 0.0
        self.stopped = False  # before its time, by someone
        self.not_tried: list[str] = [] if whole is None else whole.not_tried
        self.crowded = crowded
        self._deadline = self.started + seconds
        self._on_progress = on_progress
        self._whole = whole
        self._work, self._what = work, what
        self._seconds: float = seconds if whole is None else whole._seconds
        self._lock = RLock()
        self._going = Event()
        self._going.set()
        self._engines: list[Callable[[], object]] = []

    @property
    def elapsed(self) -> Seconds:
        """Compute the seconds since the start."""
        return monotonic() - self.started

    @property
    def left(self) -> Seconds:
        """Compute the seconds that are left, 0 when the time is over."""
        own = max(self._deadline - monotonic(), 0.0)
        return own if self._whole is None else min(own, self._whole.left)

    @property
    def room(self) -> float:
        """Compute the work that is left to do, 0 when all is done; without bounds in no stage."""
        own = max(self._work - self.spent, 0.0)
        return own if self._whole is None else min(own, self._whole.room)

    @property
    def late(self) -> bool:
        """Tell whether the time is over, or someone stopped the work."""
        return self.left <= 0.0

    @property
    def over(self) -> bool:
        """Tell whether to end: the time is over, or the work is done."""
        return self.note_end() or self.room <= 0.0

    def note_end(self) -> bool:
        """Note the innermost stage with a name if the time is over; tell whether it is."""
        late = self.late
        if late:
            self.leave_out(next((stage._what for stage in self._stages() if stage._what), ""))
        return late

    def leaves_out(self, what: str) -> bool:
        """Tell whether the time is over, and if so note what is left out for that."""
        if self.late:
            self.leave_out(what)
        return self.late

    def leave_out(self, what: str) -> None:
        """Note what is not tried, as the time is over."""
        if what and what not in self.not_tried:
            self.not_tried.append(what)

    def spend(self, work: float) -> None:
        """Count work that was done, in all that this is a stage of too."""
        self.spent += work
        if self._whole is not None:
            self._whole.spend(work)

    def check(self, work: float = 0.0) -> None:
        """Count work; go on when nobody holds it up, and only if it is not to end.

        Raises:
            NotFound: the time is over, or the work is done.
        """
        self.spend(work)
        self._wait()
        if self.note_end():
            raise NotFound("the time is over")
        if self.room <= 0.0:
            raise NotFound("the search was given up: it took too much work")

    def _wait(self) -> None:
        if not self._going.is_set():
            self._going.wait(min(self.left, LONGEST))
        if self._whole is not None:
            self._whole._wait()

    def part(self, fraction: float, what: str = "") -> "Watch":
        """Give a stage a part of the work that is left; what stops the whole stops the stage.

        Of a short limit it gets no more than its part of the time either, so that there is some
        for what comes after.
        """
        room = self.room
        if room == inf:
            longer = self._seconds if self._seconds < inf else 0.0
            room = max(max(WHOLE, longer) - self.spent, 0.0)
        seconds = self.left * fraction if self._seconds < WHOLE else inf
        return Watch(seconds, whole=self, work=room * fraction, what=what)

    def stage(self, work: float, what: str = "") -> "Watch":
        """Give a stage so much work, if there is as much left."""
        return Watch(whole=self, work=work, what=what)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the work up at its next check: the interpreter serves one thread at a time."""
        self._going.clear()
        try:
            yield
        finally:
            self._going.set()

    def stop(self) -> None:
        """End the time now, also for an engine that runs."""
        with self._lock:
            self.stopped = True
            self._deadline = min(self._deadline, monotonic())
            engines = list(self._engines)
        self._going.set()
        for end in engines:
            end()

    @contextmanager
    def running(self, end: Callable[[], object]) -> Iterator[None]:
        """Let `stop` call `end` while an engine runs that cannot look at the watch.

        Raises:
            NotFound: the time is over already.
        """
        stages = list(self._stages())
        for stage in stages:
            with stage._lock:
                stage._engines.append(end)
        try:
            if self.late:
                raise NotFound("the time is over")
            yield
        finally:
            for stage in stages:
                with stage._lock:
                    stage._engines.remove(end)

    def _stages(self) -> "Iterator[Watch]":
        """List this, and all that it is a stage of."""
        yield self
        if self._whole is not None:
            yield from self._whole._stages()

    def tell(
        self, doing: str | None = None, *, bound: Bound | None = None, best: float = 0.0
    ) -> None:
        """Say what is being done now, or that there is a tighter bound, or something better."""
        with self._lock:
            known = self.news
            if bound is None or not tighter(bound, known.bound):
                bound = known.bound
            self.news = news = News(doing or known.doing, bound, max(best, known.best))
        self._on_progress(news)

    def pass_on(self, news: News) -> None:
        """Tell what another watch was told."""
        self.tell(news.doing, bound=news.bound, best=news.best)


class _NoDeadline(Watch):
    """A watch that many share, so that none counts the work of the others."""

    def spend(self, work: float) -> None:
        """Count nothing."""


NO_DEADLINE = _NoDeadline()  # for work that nobody stops


def tighter(bound: Bound, other: Bound | None) -> bool:
    """Tell whether a bound says more than another one."""
    if bound.algbw is None:
        return False
    return other is None or other.algbw is None or bound.algbw < other.algbw
