"""Launches that somebody ended from outside say nothing of what was launched."""

import signal

from runtime.fabric.keeper import Keeper
from runtime.fabric.layout import FabricError
from runtime.launch import first_failure, kills
from runtime.launch.mpi import LaunchError
from runtime.launch.process import Ended

REQUESTS = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}


def refuse_interrupted(ended: Ended, keeper: Keeper) -> None:
    """Let a launch count only if it ended by itself, well or badly, or took too long.

    Processes that a failing mpirun ends are not meant: who died first counts, of a command that
    `first_failure.wrap_command` wrapped.

    Raises:
        FabricError: its machine is gone.
        LaunchError: a signal ended it that programs do not get by their own faults.
    """
    if ended.timed_out or ended.code == 0:
        return
    if not keeper.alive:
        raise FabricError("the emulated machine was taken down during a launch")
    death = next(filter(None, map(first_failure.read_death, ended.errors)), None)
    number = first_failure.signal_of(death.code if death else ended.code)
    if number in REQUESTS:
        raise LaunchError(f"a launch was ended from outside by {kills.name(number)}")
