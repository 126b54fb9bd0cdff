"""A command of commplan in a process of its own: its answer, and what the whole of it took."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

# ru_maxrss is in bytes on macOS, in KiB elsewhere.
MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024
LATE = 124  # the exit code of a command that was ended, as timeout(1) has it


class Told(NamedTuple):
    """What a command answered, from its start to its end.

    Attributes:
        seconds: of the wall clock.
        busy: seconds of all processors together.
        memory: the most that it had at once, in bytes.
        answer: its JSON, empty where it gave none.
        fault: what it said instead.
    """

    seconds: float
    busy: float
    memory: int
    answer: dict[str, Any]
    fault: str


def ask(words: Sequence[str], limit: float) -> Told:
    """Run `commplan WORDS --json`, for at most so many seconds.

    A process in between runs it, as the kernel tells the memory only of all children together,
    and counts what a large parent had as the child's. Compiled modules are kept, as they are where
    commplan was installed.
    """
    command = [sys.executable, "-m", "bench.fresh", str(limit)]
    command += [sys.executable, "-m", "commplan", *words, "--json"]
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    ended = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=limit + 60, env=kept
    )
    took = json.loads(ended.stdout)
    fault = "killed" if took["code"] == LATE else took["said"].strip() or f"exit {took['code']}"
    return Told(
        took["seconds"],
        took["busy"],
        took["memory"],
        {} if took["code"] else json.loads(took["answered"]),
        fault if took["code"] else "",
    )


def _alone(limit: float, command: list[str]) -> dict[str, object]:
    """Run the only child of this process."""
    started = monotonic()
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        code, answered, said = ended.returncode, ended.stdout, ended.stderr
    except subprocess.TimeoutExpired:
        code, answered, said = LATE, "", ""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": monotonic() - started,
        "busy": spent.ru_utime + spent.ru_stime,
        "memory": spent.ru_maxrss * MEMORY_UNIT,
        "code": code,
        "answered": answered,
        "said": said,
    }


if __name__ == "__main__":
    print(json.dumps(_alone(float(sys.argv[1]), sys.argv[2:])))
