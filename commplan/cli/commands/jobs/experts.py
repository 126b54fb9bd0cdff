"""`commplan experts`: which expert on which rank, with replicas, as servers read it."""

import click
import numpy as np

from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command, table
from commplan.cli.io.arguments import output
from solvers.placement.experts import TARGETS, Layer, place_experts, read_loads, write
from topologies.formats import atomic


@click.command(cls=Command)
@click.argument("loads")
@click.option("--ranks", type=quantities.Whole(1, 2**14), required=True, help="Of the servers.")
@click.option(
    "--slots",
    type=quantities.Whole(1, 2**12),
    help="Experts that a rank holds; more than there must be are replicas (as few as hold all).",
)
@click.option(
    "--target",
    type=quantities.Name("target", tuple(TARGETS)),
    default="sglang",
    show_default=True,
    help=f"Whose file: {', '.join(TARGETS)}.",
)
@output()
def experts(loads: str, ranks: int, slots: int | None, target: str, output: str) -> Answer:
    """Place experts, and replicas of the busy ones, so that no rank has more to do than it must.

    LOADS is a file with a row of whole numbers for each layer, the tokens of each expert (CSV,
    JSON, npy), or gini:experts=256,layers=4,gini=0.2,seed=1.
    """
    read = read_loads(loads)
    each = slots or -(-read.shape[1] // ranks)
    layers = place_experts(read, ranks, each)
    atomic.write(output, write(target, layers))
    return Answer(_fields(layers, output), _lines(layers, read.shape[1], ranks, each, output))


def _fields(layers: list[Layer], output: str) -> dict[str, object]:
    return {
        "layers": [
            {
                "largest": layer.largest,
                "bound": layer.bound,
                "in_order": layer.plain,
                "proved": layer.proved,
            }
            for layer in layers
        ],
        "written": output,
    }


def _lines(layers: list[Layer], experts: int, ranks: int, slots: int, output: str) -> list[str]:
    """Tell how far the fullest rank is above the mean, over the layers."""

    def told(figures: list[float]) -> str:
        return f"{np.mean(figures):.4f} on average, {max(figures):.4f} at most"

    spare = ranks * slots - experts
    title = f"{experts} experts of {len(layers)} layers on {ranks} ranks of {slots} slots"
    gap = max(layer.largest / layer.bound - 1 for layer in layers)
    rows = [
        ("in order", f"the fullest rank has {told([layer.plain for layer in layers])} of the mean"),
        ("placed", told([layer.largest for layer in layers])),
        ("bound", f"{told([layer.bound for layer in layers])}; gap at most {100 * gap:.2f}%"),
        ("written to", output),
    ]
    return table(f"{title}, {spare} of them replicas", rows)
