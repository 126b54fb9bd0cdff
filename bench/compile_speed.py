"""What compiling for a whole supernode takes: seconds, memory, and the size of the file."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

import click

COLLECTIVES = ("all_gather", "all_reduce", "all_to_all")
# ru_maxrss is in bytes on macOS, in KiB elsewhere.
MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024
ALONE = "--alone"


class Cost(NamedTuple):
    """The whole command, from its start to its end: seconds, bytes of memory, bytes of the file."""

    machine: str
    collective: str
    seconds: float
    memory: int
    file: int


@click.command()
@click.option("--machine", default="cloudmatrix384", show_default=True)
@click.option("--limit", default=600.0, show_default=True, help="Seconds for each command.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write too.")
def main(machine: str, limit: float, file: Path | None) -> None:
    """Run `commplan compile` for each collective, each time in a fresh process."""
    click.echo(f"{'machine':20}{'collective':14}{'seconds':>9}{'memory, MB':>12}{'file, kB':>11}")
    costs = []
    for collective in COLLECTIVES:
        cost = compiled(machine, collective, limit)
        click.echo(
            f"{cost.machine:20}{cost.collective:14}{cost.seconds:9.2f}"
            f"{cost.memory / 1e6:12.0f}{cost.file / 1e3:11.1f}"
        )
        costs.append(cost)
    if file is not None:
        file.write_text(json.dumps([cost._asdict() for cost in costs], indent=1) + "\n")


def compiled(machine: str, collective: str, limit: float) -> Cost:
    """Run one command under a process of its own, which learns what its only child took."""
    with TemporaryDirectory() as folder:
        made = Path(folder) / "schedule.json.gz"
        command = [sys.executable, "-m", "commplan", "compile", machine, collective]
        asked = [sys.executable, "-m", "bench.compile_speed", ALONE, str(limit), *command]
        told = subprocess.run(
            [*asked, "-o", str(made)], capture_output=True, text=True, timeout=limit + 10
        )
        if told.returncode:
            raise click.ClickException(f"{collective}: {told.stderr.strip() or told.stdout}")
        seconds, memory = told.stdout.split()
        return Cost(machine, collective, float(seconds), int(memory), made.stat().st_size)


def alone(limit: float, command: list[str]) -> None:
    """Run a command and print the seconds and the bytes of memory that it took."""
    started = monotonic()
    ended = subprocess.run(command, capture_output=True, timeout=limit)
    seconds = monotonic() - started
    if ended.returncode:
        sys.exit((ended.stderr or ended.stdout).decode())
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * MEMORY_UNIT
    print(f"{seconds:.3f} {memory}")


if __name__ == "__main__":
    if sys.argv[1:2] == [ALONE]:
        alone(float(sys.argv[2]), sys.argv[3:])
    else:
        main()
