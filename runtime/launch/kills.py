"""What the kernel tells of processes that a signal ended: what it means, and what was counted."""

import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from topologies.model.units import bytes_of

CGROUPS = Path("/sys/fs/cgroup")
SHARED = "/dev/shm"
COUNTS = "memory.events", "memory/memory.oom_control"  # of version 2 and 1 of control groups
Killed = Mapping[str, int]  # where it is counted, and how many processes for want of memory


def name(number: int) -> str:
    """Name a signal: `signal 7 (SIGBUS)`."""
    with suppress(ValueError):
        return f"signal {number} ({signal.Signals(number).name})"
    return f"signal {number}"


def count_kills() -> Killed:
    """Count what the kernel has killed for want of memory so far, where it tells."""
    groups = (folder / file for folder in (CGROUPS / _own(), CGROUPS) for file in COUNTS)
    counts = {
        "the computer": _count(Path("/proc/vmstat")),
        "this control group": next((n for n in map(_count, groups) if n >= 0), -1),
    }
    return {place: count for place, count in counts.items() if count >= 0}


def advice(number: int, before: Killed, after: Killed) -> str:
    """Say what a signal usually means and what helps; of a kill, what the kernel counted."""
    if number == signal.SIGBUS:
        return (
            f"memory that lies in a file could not be had, usually as {SHARED} is too small for "
            f"MPI ({_room()}): make it larger (docker run --shm-size=4g; mount -o remount,size=4g "
            f"{SHARED})"
        )
    if number != signal.SIGKILL:
        return ""
    grown = {place: after[place] - count for place, count in before.items() if place in after}
    for place, count in reversed(grown.items()):
        if count > 0:
            return (
                f"meanwhile the kernel killed {count} process{'es' * (count > 1)} of {place} for "
                "want of memory: take a smaller size, fewer processes, or allow more memory"
            )
    if grown:
        return f"the kernel counted no kill for want of memory in {' or '.join(grown)}"
    return "who sent it is not known; the kernel does where memory is short, and says so in dmesg"


def _own() -> str:
    """Find the folder of this process's control group, below that of all."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            number, kinds, path = line.split(":", 2)
            if number == "0" or "memory" in kinds.split(","):
                return path.strip("/")
    return ""


def _count(file: Path) -> int:
    """Read a counter of kills, -1 where there is none."""
    with suppress(OSError):
        found = re.search(r"^oom_kill (\d+)$", file.read_text(), re.MULTILINE)
        return int(found[1]) if found else -1
    return -1


def _room() -> str:
    """Say how much shared memory there is here, and how much of it is free now."""
    try:
        found = os.statvfs(SHARED)
    except OSError:
        return "there is none here"
    size, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    return f"here it has {bytes_of(size)}, of which {bytes_of(free)} are free now"
