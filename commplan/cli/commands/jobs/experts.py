"""`commplan experts`: which expert on which rank, with replicas, as servers read it."""

import dataclasses

import click
import numpy as np

from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command, table
from commplan.cli.io.arguments import output
from commplan.cli.io.failures import write_file
from commplan.cli.io.progress import progress
from solvers.placement.expert_traffic import place_by_traffic, read_traffic, scarce_boxes
from solvers.placement.experts import TARGETS, Layer, place_experts, read_loads, write
from topologies.formats import spec
from topologies.model.topology import Topology


@click.command(cls=Command)
@click.argument("loads")
@click.option("--ranks", type=quantities.Whole(1, 2**14), help="Of the servers.")
@click.option(
    "--topology",
    help="The machine, in place of --ranks: LOADS then says what each rank sends to each expert, "
    "and little is to cross between its boxes.",
)
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
def experts(
    loads: str,
    ranks: int | None,
    topology: str | None,
    slots: int | None,
    target: str,
    output: str,
) -> Answer:
    """Place experts, and replicas of the busy ones, so that no rank has more to do than it must.

    LOADS is a file with a row of whole numbers for each layer, the tokens of each expert (CSV,
    JSON, npy), or gini:experts=256,layers=4,gini=0.2,seed=1. With --topology a layer has a row for
    each rank of the machine, or gini:...,own=0.5: half of what a rank sends is its own.
    """
    if (ranks is None) == (topology is None):
        raise click.UsageError("expected --ranks or --topology, and one of them")
    if topology is not None:
        return _by_traffic(loads, spec.topology(topology), slots, target, output)
    assert ranks is not None
    read = read_loads(loads)
    each = slots or -(-read.shape[1] // ranks)
    with progress() as watch:
        watch.tell(f"placing the experts of {len(read)} layers")
        layers = place_experts(read, ranks, each)
    write_file(output, write(target, layers))
    return Answer(_fields(layers, output), _lines(layers, read.shape[1], ranks, each, output))


def _by_traffic(
    loads: str, machine: Topology, slots: int | None, target: str, output: str
) -> Answer:
    """Place experts by who sends to whom, write them, and tell what crosses."""
    traffic = read_traffic(loads, machine.ranks)
    each = slots or -(-traffic.shape[2] // machine.ranks)
    placed = place_by_traffic(traffic, scarce_boxes(machine), each)
    layers = [layer for layer, _ in placed]
    crossing = [each for _, each in placed]
    write_file(output, write(target, layers))
    fields = _fields(layers, output)
    fields["crossing"] = [dataclasses.asdict(one) for one in crossing]

    def told(name: str) -> str:
        return f"{100 * np.mean([getattr(one, name) for one in crossing]):.2f}%"

    rows = [
        ("crosses", f"{told('placed')} of the tokens, at least {told('bound')} of any placement"),
        ("by loads", f"{told('by_loads')} would cross, in order {told('plain')}"),
    ]
    lines = _lines(layers, traffic.shape[2], machine.ranks, each, output)
    return Answer(fields, [*lines, *table("", rows)[1:]])


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
