"""What is read of files that describe machines, and what nothing exceeds on them.

`python -m bench.imported FILE...` imports each file by itself and prints its ranks, switches and
links, and the proved bounds of all_gather and all_reduce over all ranks, size / time in GB/s.
Without a FILE it takes the samples of this project (`bench/data/imports`), whose bounds
`tests/topologies/importers` holds against sums done by hand. Exit code 1 where one was refused.
"""

from pathlib import Path
from time import process_time

import click

from solvers.schedules.kinds import collective
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import SolverOptions
from solvers.solve import bound
from topologies.importers.importing import import_files
from topologies.model.topology import Topology, TopologyError

SAMPLES = Path(__file__).parent / "data" / "imports"
COLLECTIVES = ("all_gather", "all_reduce")
PATIENCE = 60.0  # seconds for a bound


def bounds(machine: Topology) -> list[str]:
    """Bound both collectives over all ranks; a single rank has none."""
    found = []
    for name in COLLECTIVES:
        try:
            options = SolverOptions(in_network=bool(machine.multicast.any()))
            best = bound(machine, collective(name, range(machine.ranks)), Watch(PATIENCE), options)
        except NotFound:
            found.append("not in time")
            continue
        found.append("-" if best.algbw is None else f"{float(best.algbw / 10**9):.6g}")
    return found


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False))
def main(files: tuple[str, ...]) -> None:
    """Print the table."""
    heads = "".join(f"{name:>12}" for name in COLLECTIVES)
    click.echo(f"{'file':32}{'format':>14}{'ranks':>7}{'switches':>9}{'links':>7}{heads}{'s':>7}")
    refused = 0
    for file in files or sorted(str(path) for path in SAMPLES.iterdir()):
        began, name = process_time(), Path(file).name
        try:
            read = import_files([file])
        except TopologyError as error:
            click.echo(f"{name:32}  {str(error).partition(': ')[2]}")
            refused += 1
            continue
        machine = read.topology
        counts = f"{machine.ranks:7}{machine.vertices - machine.ranks:9}{machine.links:7}"
        found = "".join(f"{each:>12}" for each in bounds(machine))
        spent = process_time() - began
        click.echo(f"{name:32}{read.formats[0]:>14}{counts}{found}{spent:7.1f}")
    raise SystemExit(1 if refused else 0)


if __name__ == "__main__":
    main()
