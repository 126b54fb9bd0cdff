"""How far predictions of `commplan fit` are from measurements that it was not shown.

For each machine and its logs: fitted on all numbers of ranks but one in the middle, which is
predicted; fitted on every other size, the others being predicted; and all rows as fitted. Others
state for their models 4 to 6 % from 1 MB on and under 1 % from 512 MB, one node (AutoParallel).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median

import click

from commplan.fitting.fit import LARGE
from commplan.fitting.library import fit_library
from commplan.measurements.read import load_measurements
from commplan.measurements.rows import Measured, medians
from topologies.formats.spec import topology

Chosen = Callable[[Measured], bool]


def holdouts(rows: Sequence[Measured]) -> Iterator[tuple[str, Chosen]]:
    """List what is held back: nothing, the numbers of ranks in the middle, every other size."""
    counts = sorted({row.ranks for row in rows})
    sizes = sorted({row.size for row in rows})
    yield "all rows, as fitted", lambda row: False
    for count in counts[1:-1]:
        others = " and ".join(str(each) for each in counts if each != count)
        yield f"{count} ranks, from {others}", partial(_has_ranks, count)
    for odd in (1, 0):
        yield f"{('even', 'odd')[odd]} sizes, from the others", partial(_is_among, sizes[odd::2])


def _has_ranks(count: int, row: Measured) -> bool:
    return row.ranks == count


def _is_among(sizes: Sequence[int], row: Measured) -> bool:
    return row.size in sizes


def errors(rows: Sequence[Measured], held: Chosen, adding: bool) -> list[tuple[Measured, float]]:
    """Predict what is held back, or all where nothing is: rows with their relative errors."""
    shown = [row for row in rows if not held(row)]
    models = fit_library(shown, adding=adding)
    asked = [row for row in rows if held(row)] or shown
    return [(row, models[row.collective].seconds(row) / row.seconds - 1) for row in asked]


def in_words(found: Sequence[tuple[Measured, float]]) -> str:
    """Give the median over all sizes, from 16 MiB on, and the worst row."""
    off = [abs(error) for _, error in found]
    large = [abs(error) for row, error in found if row.size >= LARGE]
    return f"{median(off):>9.1%}{median(large) if large else 0:>9.1%}{max(off):>9.0%}"


@click.command()
@click.argument("pairs", metavar="MACHINE=LOG...", nargs=-1, required=True)
def main(pairs: tuple[str, ...]) -> None:
    """Print medians of relative errors, over all sizes and from 16 MiB on, and the worst."""
    together: dict[str, list[tuple[Measured, float]]] = defaultdict(list)
    click.echo(
        f"{'machine':<12}{'predicted':<30}{'collective':<16}{'all':>9}{'>=16 MiB':>9}{'worst':>9}"
    )
    for pair in pairs:
        name, _, log = pair.partition("=")
        adding = bool(topology(name).reduce.any())
        rows = medians(load_measurements(log))
        for what, held in holdouts(rows):
            found = errors(rows, held, adding)
            together[what if "ranks" not in what else "other ranks"] += found
            for each in sorted({row.collective for row, _ in found}):
                own = [(row, error) for row, error in found if row.collective == each]
                click.echo(f"{name:<12}{what:<30}{each:<16}{in_words(own)}")
    for what, found in together.items():
        click.echo(f"{'all':<12}{what:<30}{'':<16}{in_words(found)}")


if __name__ == "__main__":
    main()
