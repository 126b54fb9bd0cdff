"""What a solver and whoever asked it share: the time, a way to stop, and news of how it goes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from threading import Event, Lock
from time import monotonic

from solvers.certificate import Bound
from topologies.errors import NO, CommplanError


class NotFound(CommplanError, ValueError):
    """No solution was found in the time or accuracy given; nothing is proved."""

    exit_code = NO


@dataclass(frozen=True)
class News:
    """What is going on.

    doing: in a word or two. bound: the tightest that is known. best: size / time, bytes per
    second, of the best schedule so far, 0 if there is none; not exact, and not checked yet.
    """

    doing: str = "starting"
    bound: Bound | None = None
    best: float = 0.0


LONGEST = 10.0**6  # seconds that anything waits at a stretch
Hear = Callable[[News], None]


class Watch:
    """The seconds that a question may take, from now on; safe to use from several threads.

    Whoever works looks at `left` or calls `check` often, and tells news; whoever waits hears them,
    and may stop the work before its time.
    """

    def __init__(
        self, seconds: float = inf, hear: Hear = lambda _: None, whole: "Watch | None" = None
    ) -> None:
        self.started = monotonic()
        self.news = News()
        self._deadline = self.started + seconds
        self._hear = hear
        self._whole = whole
        self._lock = Lock()
        self._going: Event = Event() if whole is None else whole._going
        if whole is None:
            self._going.set()
        self._engines: list[Callable[[], object]] = []

    @property
    def elapsed(self) -> float:
        """Give the seconds since the start."""
        return monotonic() - self.started

    @property
    def left(self) -> float:
        """Give the seconds that are left, 0 when the time is over."""
        own = max(self._deadline - monotonic(), 0.0)
        return own if self._whole is None else min(own, self._whole.left)

    @property
    def over(self) -> bool:
        """Tell whether the time is over, or the work was stopped."""
        return self.left <= 0.0

    def check(self) -> None:
        """Go on when nobody holds the work up, and only if there is time left.

        Raises:
            NotFound: the time is over.
        """
        self._going.wait(min(self.left, LONGEST))
        if self.over:
            raise NotFound("the time is over")

    def part(self, fraction: float) -> "Watch":
        """Give a stage a part of the time that is left; what stops the whole stops the stage."""
        return Watch(self.left * fraction, whole=self)

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
            self._deadline = min(self._deadline, monotonic())
            engines = list(self._engines)
        if self._whole is None:
            self._going.set()
        for end in engines:
            end()

    @contextmanager
    def running(self, end: Callable[[], object]) -> Iterator[None]:
        """Let `stop` call `end` while an engine runs that cannot look at the watch."""
        if self._whole is not None:
            with self._whole.running(end):
                yield
            return
        with self._lock:
            self._engines.append(end)
        try:
            yield
        finally:
            with self._lock:
                self._engines.remove(end)

    def tell(
        self, doing: str | None = None, *, bound: Bound | None = None, best: float = 0.0
    ) -> None:
        """Say what is being done now, or that there is a tighter bound, or something better."""
        known = self.news
        if bound is None or not tighter(bound, known.bound):
            bound = known.bound
        self.news = news = News(doing or known.doing, bound, max(best, known.best))
        self._hear(news)

    def pass_on(self, news: News) -> None:
        """Tell what another watch was told."""
        self.tell(news.doing, bound=news.bound, best=news.best)


UNHURRIED = Watch()  # for work that nobody stops


def tighter(bound: Bound, other: Bound | None) -> bool:
    """Tell whether a bound says more than another one."""
    if bound.algbw is None:
        return False
    return other is None or other.algbw is None or bound.algbw < other.algbw
