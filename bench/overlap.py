"""What a thread of a communicator brings: computation beside an all_reduce that was begun.

`python -m bench.overlap` times on two processes, in turns: the computation, the all_reduce, and
both, by a communicator that goes on while its caller waits and by one with a thread. Where each
process has a core to spare, or messages wait for a network, the thread hides the lesser of both.
"""

import argparse
import json
import sys

from runtime.launch.mpi import find
from runtime.launch.process import run_limited
from topologies.model.units import duration

SECONDS = 280.0


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--megabytes", type=int, default=8)
    args = parser.parse_args()
    mpi = find()
    command = [*mpi.command_line(2), sys.executable, "-m", "mpi4py", "-m", "bench.ranks.overlap"]
    command += [str(args.rounds), str(args.megabytes)]
    ended = run_limited(command, mpi.environment(SECONDS), SECONDS)
    if ended.code:
        sys.exit("\n".join(ended.errors))
    print(f"all_reduce of {args.megabytes} MB, 2 processes: median (10th percentile)")
    for name, (tenth, median) in json.loads(ended.output[-1]).items():
        print(f"  {name:<28} {duration(median)} ({duration(tenth)})")


if __name__ == "__main__":
    main()
