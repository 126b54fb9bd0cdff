"""The process that keeps the networks of an emulated machine: while it lives they do.

All namespaces hang on one process, the first of a process namespace. When it ends, so does every
process on the emulated machine, and the kernel takes all networks away: nothing can be left.
"""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runtime.fabric.commands import Command
from runtime.fabric.layout import FabricError
from runtime.launch.process import birth, children
from topologies.model.units import Seconds

COMMAND_SECONDS = 60.0
END_SECONDS = 10.0
# Networks with names live below /run/netns; ours must not be seen by anyone else.
FIRST = "mount -t tmpfs none /run && mkdir /run/netns && echo ready && exec sleep infinity"


@dataclass(frozen=True)
class Keeper:
    """The first process on an emulated machine, its time of birth, and whether it is root's."""

    pid: int
    born: str
    privileged: bool

    @property
    def alive(self) -> bool:
        """Tell whether it still runs; its number may have been given to another process since."""
        return birth(self.pid) == self.born

    def entry_words(self) -> list[str]:
        """Write the words that run what follows them on the emulated machine."""
        mine = [] if self.privileged else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self.pid), *mine, "--pid", "--mount", "--net", "--uts"]

    def run(self, commands: Sequence[Command]) -> None:
        """Run commands one after the other.

        Raises:
            FabricError: one failed, with its words.
        """
        for command in commands:
            self.output(command.words, command.text)

    def output(
        self, words: Sequence[str], text: str = "", seconds: Seconds = COMMAND_SECONDS
    ) -> str:
        """Run a command on the emulated machine and give what it prints.

        Raises:
            FabricError: it failed, or did not end in time.
        """
        return _answer([*self.entry_words(), *words], text, seconds)

    def end(self) -> None:
        """End everything on the emulated machine, and with it the machine."""
        if not self.alive:
            return
        with suppress(ProcessLookupError):  # who was dying already
            os.kill(self.pid, signal.SIGKILL)
        deadline = time.monotonic() + END_SECONDS
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.01)


def start() -> Keeper:
    """Start a process with namespaces of its own, as root or in a user namespace.

    Raises:
        FabricError: this computer allows neither, or lacks the tools.
    """
    privileged = os.geteuid() == 0
    mine = [] if privileged else ["--map-root-user"]
    spaces = ["--fork", "--pid", "--mount-proc", "--net", "--mount", "--uts", "--kill-child"]
    words = ["unshare", *mine, *spaces, "--", "sh", "-c", FIRST]
    with tempfile.NamedTemporaryFile("w") as said:
        _start_detached(words, said)
        outer = _wait_ready(Path(said.name))
    [pid] = children(outer)
    return Keeper(pid, birth(pid), privileged)


def _start_detached(words: Sequence[str], said: IO[str]) -> None:
    """Start a command that is nobody's child; it says its own number first."""
    shell = ["sh", "-c", 'echo $$; exec "$@"', "sh", *words]
    try:
        subprocess.run(
            ["setsid", "--fork", *shell],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            timeout=COMMAND_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise FabricError(f"no process can be started on its own: {error}") from None


def _wait_ready(said: Path) -> int:
    """Wait until the command says that it is ready; give its number.

    The file is opened anew each time: who reads where another writes moves the place of both.
    """
    deadline = time.monotonic() + END_SECONDS
    lines: list[str] = []
    while time.monotonic() < deadline:
        lines = said.read_text().split("\n")
        if "ready" in lines:
            return int(lines[0])
        if lines[0] and birth(int(lines[0])) == "":
            break
        time.sleep(0.01)
    reason = next((line for line in lines[1:] if line), "no reason given")
    raise FabricError(f"no networks can be made here: {reason}")


def _answer(words: Sequence[str], text: str, seconds: Seconds) -> str:
    try:
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=seconds)
    except FileNotFoundError:
        raise FabricError(f"no {words[0]} on the path") from None
    except subprocess.TimeoutExpired:
        raise FabricError(f"{_name_command(words)}: no end after {seconds:g} seconds") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise FabricError(f"{_name_command(words)}: {said[0]}")
    return done.stdout


def _name_command(words: Sequence[str]) -> str:
    """Name a command by what follows the words that enter the emulated machine."""
    after = list(words[words.index("--uts") + 1 :]) if "--uts" in words else list(words)
    return " ".join(after[:6])
