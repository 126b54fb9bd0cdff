"""When messages arrive over links that others have booked, and the ways that they may take."""

from collections.abc import Iterator

from solvers.routing.switch_paths import SwitchPath, switch_paths
from topologies.model.topology import Topology
from topologies.model.units import Seconds

FEW = 4  # ways from a rank to another that are looked at: those over which a message is quickest


class LinkClock:
    """Links and ends of messages that serve one after the other, in the order of booking.

    whole: whether a link begins when it has the whole message, or lets its head go on.
    """

    def __init__(self, topology: Topology, *, whole: bool) -> None:
        self.whole = whole
        self.free = [0.0] * topology.links
        self.sending, self.receiving = [0.0] * topology.vertices, [0.0] * topology.vertices
        self.overhead: list[float] = topology.overheads.tolist()
        self.delay: list[float] = topology.alpha.tolist()
        self.rate: list[float] = topology.bandwidth.tolist()

    def arrival(self, now: Seconds, path: SwitchPath, load: float) -> Seconds:
        """Tell when a message of so many bytes would have been received at the end of a way."""
        there = self._sent(now, path)
        for _, end in self._follow(there, path.links, load):
            there = end
        return self._received(there + self.delay[path.links[-1]], path)

    def send(self, now: Seconds, path: SwitchPath, load: float) -> Seconds:
        """Book a way and its ends for a message, and tell when it has been received."""
        self.sending[path.src] = there = self._sent(now, path)
        for link, end in list(self._follow(there, path.links, load)):
            self.free[link] = there = end
        done = self._received(there + self.delay[path.links[-1]], path)
        self.receiving[path.dst] = done
        return done

    def _sent(self, now: Seconds, path: SwitchPath) -> Seconds:
        if not self.overhead[path.src]:
            return now
        return max(now, self.sending[path.src]) + self.overhead[path.src]

    def _received(self, now: Seconds, path: SwitchPath) -> Seconds:
        if not self.overhead[path.dst]:
            return now
        return max(now, self.receiving[path.dst]) + self.overhead[path.dst]

    def _follow(
        self, now: Seconds, links: tuple[int, ...], load: float
    ) -> Iterator[tuple[int, Seconds]]:
        """Give each link with the time at which the message has left it, as it is simulated."""
        head = tail = now
        for link in links:
            work, free = load / self.rate[link], self.free[link]
            end = max(free, tail if self.whole else max(head, tail - work)) + work
            yield link, end
            head = (end if self.whole else max(head, free)) + self.delay[link]
            tail = end + self.delay[link]


def quick_paths(topology: Topology, load: float, limit: int, *, whole: bool) -> list[SwitchPath]:
    """List the ways from rank to rank through switches that take a message least time, FEW a pair.

    Raises:
        NotFound: there are more than `limit`.
    """
    clock = LinkClock(topology, whole=whole)
    of_pair: dict[tuple[int, int], list[SwitchPath]] = {}
    for path in switch_paths(topology, limit):
        of_pair.setdefault((path.src, path.dst), []).append(path)
    return [
        path
        for paths in of_pair.values()
        for path in sorted(paths, key=lambda path: clock.arrival(0.0, path, load))[:FEW]
    ]
