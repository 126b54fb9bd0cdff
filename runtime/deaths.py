"""Who of several processes died first, as the kernel saw it."""

import os
import re
import select
import threading
from pathlib import Path
from socket import gethostname

PF_EXITING = 0x4  # linux/sched.h
HEAD = re.compile(r"#  Rank +(\d+) Group  0 Pid +(\d+) on +(\S+)")


class FirstDeath:
    """Watches the processes that a program's table names, until the first of them ends.

    An mpirun that finds one of its processes dead ends the others, and may then name the wrong one.
    A descriptor of each process tells of its end when the kernel is done with it. Its connections
    are closed a little earlier, and mpirun may have ended others by then: whoever is gone first
    died first only if no other is ending yet.
    `rank` stays None where nobody died on this computer, where it is not sure who was the first, or
    where the system has no such descriptors (Linux has, from 5.3 on).
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._sure = True
        self._open: dict[int, tuple[int, int]] = {}  # descriptor: rank, number of the process
        self._poll = select.epoll() if hasattr(os, "pidfd_open") else None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._lock = threading.Lock()

    @property
    def rank(self) -> int | None:
        """Give the rank that died first, if that is sure."""
        return self._first if self._sure else None

    def hear(self, line: str) -> None:
        """Learn from a line of output who plays which rank."""
        found = HEAD.match(line)
        if self._poll is None or not found or found[3] != gethostname():
            return
        with self._lock:
            # Whoever died before all were known may not have been the first.
            self._sure &= self._first is None
            try:
                descriptor = os.pidfd_open(int(found[2]))
            except OSError:
                self._sure = False
                return
            # Nor is it known who was, where one is dead by now: others may have died meanwhile.
            self._sure &= not _ending(int(found[2]))
            self._open[descriptor] = int(found[1]), int(found[2])
            self._poll.register(descriptor, select.EPOLLIN)
            if self._thread.ident is None:
                self._thread.start()

    def close(self) -> None:
        """Watch no longer."""
        with self._lock:
            for descriptor in self._open:
                os.close(descriptor)
            self._open = {}
        if self._thread.ident is not None:
            self._thread.join()
        if self._poll is not None:
            self._poll.close()

    def _watch(self) -> None:
        while True:
            assert self._poll is not None
            dead = self._poll.poll(0.2)
            with self._lock:
                if not self._open:
                    return
                if dead:
                    # Linux lists them in the order in which it was done with them.
                    self._first, _ = self._open.pop(dead[0][0], (None, 0))
                    self._sure &= not any(_ending(pid) for _, pid in self._open.values())
                    os.close(dead[0][0])
                    return


def _ending(pid: int) -> bool:
    """Tell whether a process is ending or has ended, by the flags that Linux shows of it."""
    try:
        words = Path("/proc", str(pid), "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return True
    return bool(int(words[6]) & PF_EXITING)
