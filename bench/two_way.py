"""What two hosts of an emulated machine send each other, one way and both ways at once.

`python -m bench.two_way`, as root or with user namespaces, joins two hosts by a cable of
100 Mbit/s, and lets two processes of a program written by hand (`bench/ranks/two_way.c`) send
messages of several sizes. A cable carries its rate each way, so both columns should be near 100 %.
Open MPI asks before it sends what is larger than `btl_tcp_eager_limit`, and the answer waits in the
connection behind the messages that go the same way; so there is a table for its own limit and one
for that which `commplan fabric` sets. Exit 1 where messages both ways do not come to 90 % at the
latter.
"""

import os
import tempfile
from fractions import Fraction
from pathlib import Path

import click

from bench.verdict import ended
from runtime.fabric import hosts, machine
from runtime.launch.mpi import LaunchError, compile_c, find
from runtime.launch.process import run_limited
from topologies.model.topology import Link, build
from topologies.model.units import bytes_of

RATE = 12_500_000  # bytes per second, each way
TOTAL = 2**23
SIZES = tuple(2**power for power in range(15, 21))
LEAST = 0.9  # of the rate
SECONDS = 100.0
SOURCE = Path(__file__).parent / "ranks" / "two_way.c"
OWN_LIMIT = "65536"  # of Open MPI's messages over TCP that are sent without asking


def measure(up: machine.Machine, program: Path, limit: str) -> dict[int, tuple[float, float]]:
    """Give the share of the rate, one way and both ways, for each size of message."""
    os.environ.pop(hosts.AT_ONCE, None)
    if limit:
        os.environ[hosts.AT_ONCE] = limit
    here = hosts.mpi(up.keeper, (0, 1))
    command = [*here.command_line(2), str(program), str(TOTAL), *map(str, SIZES)]
    done = run_limited(command, here.environment(SECONDS), SECONDS)
    rows = [line.split() for line in done.output if len(line.split()) == 3]
    if done.code or len(rows) != len(SIZES):
        raise LaunchError(f"two_way: exit code {done.code}: {done.errors[-3:]}")
    return {int(size): (float(one) / RATE, float(both) / RATE) for size, one, both in rows}


@click.command()
def main() -> None:
    """Print the share of a cable's rate that messages get."""
    kind, missed = find().kind, list[str]()
    pair = build("pair", ["a", "b"], [], [Link("a", "b", Fraction(RATE), 1e-5, duplex=True)])
    limits = {"as `commplan fabric` runs it": ""}
    if kind == "openmpi":
        limits = {f"{hosts.AT_ONCE}={OWN_LIMIT}, Open MPI's own": OWN_LIMIT} | limits
    with tempfile.TemporaryDirectory(prefix="commplan-") as folder:
        program = Path(folder) / "two_way"
        compile_c(find(), SOURCE, program)
        with machine.while_up(pair, Fraction(1)) as up:
            for name, limit in limits.items():
                click.echo(f"\n{kind}, {name}\n{'message':>10}{'one way':>10}{'both ways':>11}")
                for size, (one, both) in measure(up, program, limit).items():
                    click.echo(f"{bytes_of(size):>10}{one:10.1%}{both:11.1%}")
                    if not limit and both < LEAST:
                        missed.append(f"messages of {bytes_of(size)} both ways: {both:.0%}")
    ended(missed)


if __name__ == "__main__":
    main()
