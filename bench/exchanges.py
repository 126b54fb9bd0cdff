"""What planning all_to_all takes, machine by machine, beside what others published."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from bench.forest_cases import Case, Growth
from bench.forests import HEAD, grow, show
from bench.published import ELSEWHERE, SOURCES
from bench.verdict import ended
from solvers.settings.options import SYMMETRY_USES, SymmetryUse
from topologies.model.topology import TopologyError
from topologies.model.units import bytes_of

MEMORY = 6 * 2**30  # bytes that no command may take
CASES = (
    Case("ring:8", 2),
    Case("dgx-1", 2),
    Case("torus:8x4", 2),
    Case("teccl-dgx2-2x16", 2),
    Case("teccl-ndv2-4x8", 2),
    Case("dgx-a100:boxes=4", 2),
    Case("mi250:boxes=2", 2),
    Case("atlas-a2:boxes=4", 2),
    Case("torus:4x4x4", 20, "none"),
    Case("hypercube:6", 20, "none"),
    Case("dgx-a100:boxes=8", 20, "none"),
    Case("dgx-h100:boxes=8", 20, "none"),
    Case("mi250:boxes=4", 20, "none"),
    Case("cloudmatrix384:nodes=4", 20, "none"),
    Case("nvl72", 20),
    Case("torus:8x8x8", 10),
    Case("cloudmatrix384", 20),
    Case("dgx-a100:boxes=128", 30),
    Case("torus:16x8x8", 30),
    Case("nd-full-mesh:8x8x4x4", 30),
    Case("hypercube:10", 30),
    Case("cloudmatrix384:supernodes=2"),
)
GROWTH: Growth = {
    "torus": {
        "found": ("torus:4x4x4", "torus:8x4x4", "torus:8x8x4", "torus:8x8x8"),
        "none": ("torus:2x2x2", "torus:4x2x2", "torus:4x4x2", "torus:4x4x4"),
    },
    "A100 boxes": {
        "found": tuple(f"dgx-a100:boxes={boxes}" for boxes in (16, 32, 64, 128)),
        "none": tuple(f"dgx-a100:boxes={boxes}" for boxes in (1, 2, 4, 8)),
    },
    "CloudMatrix384": {
        "found": tuple(f"cloudmatrix384:nodes={nodes}" for nodes in (6, 12, 24, 48)),
    },
}


@click.command()
@click.option("--machine", "machines", multiple=True, help="Instead of the list; repeatable.")
@click.option("--symmetry", type=click.Choice(SYMMETRY_USES), default="found")
@click.option("--growth", is_flag=True, help="Machines of N, 2N, 4N, 8N ranks, with exponents.")
@click.option("--repeat", default=1, show_default=True, help="Take the median of so many.")
@click.option("--limit", default=120.0, show_default=True, help="Seconds for each command.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write too.")
def main(
    machines: tuple[str, ...],
    symmetry: SymmetryUse,
    growth: bool,
    repeat: int,
    limit: float,
    file: Path | None,
) -> None:
    """Run `commplan compile` for each machine; exit 1 if one is not proved optimal.

    Columns are those of `python -m bench.forests`; trees are ways of each rank's data.
    """
    click.echo(HEAD)
    cases = [Case(name, None, symmetry) for name in machines] or CASES
    try:
        if growth:
            rows = list(grow(GROWTH, ("all_to_all",), repeat, limit))
        else:
            rows = list(show(cases, ("all_to_all",), repeat, limit))
    except TopologyError as error:
        raise click.ClickException(str(error)) from None
    click.echo("\n".join(["", "Elsewhere:", *ELSEWHERE, "", "Sources:", *SOURCES]))
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    ended(
        f"{row.machine}: not proved optimal, or more than {bytes_of(MEMORY)} of memory"
        for row in rows
        if not (row.proved and row.memory <= MEMORY)
    )


if __name__ == "__main__":
    main()
