"""`commplan demand`: a described matrix of what each rank sends to each, as a file."""

import click
import numpy as np

from commplan.cli.io.answer import Answer, Command, table
from commplan.cli.io.arguments import output, token_bytes
from commplan.cli.io.quantities import Whole
from solvers.demands import files
from solvers.demands.distributions import DISTRIBUTIONS
from solvers.demands.matrix import demand as described
from topologies.model.topology import IntArray
from topologies.model.units import Bytes, bytes_of


class _Described(Command):
    """A command whose help ends with the distributions, those of other packages too."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them; packages are imported for that, so only where help is asked for."""
        lines = (
            f"{name}:{','.join(f'{key}=' for key in each.parameters)} ({each.summary})"
            for name, each in DISTRIBUTIONS.items()
        )
        self.epilog = f"Distributions: {'; '.join(lines)}"
        super().format_epilog(ctx, formatter)


@click.command(cls=_Described)
@click.argument("description")
@click.option("--ranks", type=Whole(1), required=True, help="Rows and columns.")
@token_bytes
@output(lambda: files.SUFFIXES)
def demand(description: str, ranks: int, token_bytes: Bytes | None, output: str) -> Answer:
    """Write a demand for all_to_allv as a matrix of bytes (CSV, JSON or npy, as FILE ends).

    DESCRIPTION is a distribution with parameters, such as lognormal:sigma=1,seed=2, or a file.
    """
    matrix = described(description, ranks, token_bytes)
    files.save(matrix, output)
    sums = _sums(matrix)
    rows = [(name.replace("_", " "), bytes_of(figure)) for name, figure in sums.items()]
    fields = {"path": output, "ranks": ranks, **sums}
    title = f"{description} for {ranks} rank{'s' * (ranks != 1)}"
    return Answer(fields, table(title, [*rows, ("written to", output)]))


def _sums(matrix: IntArray) -> dict[str, int]:
    """Add up, in bytes: everything, what moves, and the busiest sender and receiver."""
    moving = np.array(matrix)
    np.fill_diagonal(moving, 0)
    return {
        "total": int(matrix.sum()),
        "moving": int(moving.sum()),
        "most_sent": int(moving.sum(axis=1).max()),
        "most_received": int(moving.sum(axis=0).max()),
    }
