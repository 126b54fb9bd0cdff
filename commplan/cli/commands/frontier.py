"""`commplan frontier`: exact small schedules, from the quickest to the widest."""

from fractions import Fraction
from pathlib import Path
from time import monotonic

import click

from commplan.anytime.checking import check_schedule
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import file_name, heading, problem, time_limit
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import Whole, gigabytes
from solvers.exact import pareto as pareto
from solvers.exact import search
from solvers.exact.search import ScclSearch
from solvers.schedules import files
from solvers.schedules.collective import Collective
from topologies.model.topology import Topology
from topologies.model.units import Seconds, count_of, duration, rate

MOST = 64  # steps, and chunks of a block
HEAD = (" steps  rounds  chunks  rounds/chunk", "  latency      bandwidth  answer")


def _folder(ctx: click.Context, param: click.Parameter, value: str | None) -> Path | None:
    """Refuse a folder that is none before the work.

    Raises:
        BadParameter: it is none.
    """
    if value is None:
        return None
    if not Path(file_name(value)).is_dir():
        raise click.BadParameter(f"{value}: there is no such folder")
    return Path(value)


@click.command(cls=Command)
@problem
@click.option("--steps", type=Whole(1, MOST), help="Most steps (4 above the least).")
@click.option(
    "--chunks",
    type=Whole(1, MOST),
    default=6,
    show_default=True,
    help="Most pieces that a block is cut into.",
)
@time_limit
@click.option("-o", "--output", callback=_folder, help="Folder to write the schedules to.")
def frontier(
    machine: Topology,
    what: Collective,
    steps: int | None,
    chunks: int,
    time_limit: Seconds,
    output: Path | None,
) -> Answer:
    """Find what each number of steps can do at best on a small machine, with proof.

    For each number of steps: the fewest rounds for each chunk of a block, a round being the time
    that the slowest link takes for one. What is not found is proved impossible, or said to be open.
    """
    started = monotonic()
    rows: list[dict[str, object]] = []
    with progress(time_limit) as watch:
        watch.tell("bounding")
        exact = ScclSearch(machine, what, watch)
        answers = pareto.frontier(exact, chunks, steps, watch) if exact.least_steps else ()
        for answer in answers:
            rows.append(_row(exact, answer, output))
            watch.tell("{} steps, {} rounds, {} chunks".format(*answer.point))
        late = watch.late
    fields = {
        "least_steps": exact.least_steps,
        "least_rounds_per_chunk": str(exact.least_ratio),
        "complete": not late and all(row["answer"] != search.OPEN for row in rows),
        "points": rows,
        "seconds": monotonic() - started,
    }
    if exact.least_steps == 0:
        return Answer(fields, [f"{heading(machine, what)}: nothing moves"])
    found = any(row["answer"] == search.FOUND for row in rows)
    return Answer(fields, _lines(exact, fields, rows), yes=found)


def _row(exact: ScclSearch, answer: search.Answer, folder: Path | None) -> dict[str, object]:
    """Describe an answer; its schedule is verified, and written where there is a folder."""
    steps, rounds, chunks = answer.point
    path = None
    if answer.schedule is not None:
        right = check_schedule(answer.schedule).schedule
        if folder is not None:
            path = str(folder / f"{exact.collective.name}-{steps}-{rounds}-{chunks}.json")
            files.save(right, path)
    seconds_per_byte = exact.seconds_per_size(answer.point)
    return {
        "steps": steps,
        "rounds": rounds,
        "chunks": chunks,
        "rounds_per_chunk": str(Fraction(rounds, chunks)),
        "latency_seconds": steps * exact.alpha,
        "algbw_GBps": gigabytes(1 / seconds_per_byte),
        "answer": answer.verdict,
        "reason": answer.reason,
        "rounds_of_steps": list(answer.rounds),
        "seconds": answer.seconds,
        "path": path,
    }


def _lines(
    exact: ScclSearch, fields: dict[str, object], rows: list[dict[str, object]]
) -> list[str]:
    """Lay the answers out below each other."""
    low = f"at least {count_of(exact.least_steps, 'step')}, {_ratio(exact)} for each chunk"
    end = "complete" if fields["complete"] else "not complete: some questions are open"
    return [
        f"{heading(exact.topology, exact.collective)}: {low}",
        "".join(HEAD),
        *map(_line, rows),
        f"  {end}, {fields['seconds']:.1f} s",
    ]


def _ratio(exact: ScclSearch) -> str:
    return f"{exact.least_ratio} round{'s' * (exact.least_ratio != 1)}"


def _line(row: dict[str, object]) -> str:
    latency, width = (
        duration(_number(row["latency_seconds"])),
        rate(_number(row["algbw_GBps"]) * 1e9),
    )
    written = f", written to {row['path']}" if row["path"] else ""
    return (
        f"{row['steps']:6}{row['rounds']:8}{row['chunks']:8}{row['rounds_per_chunk']:>14}"
        f"{latency:>11}{width:>15}  {row['answer']} ({row['reason']}){written}"
    )


def _number(field: object) -> float:
    assert isinstance(field, float)
    return field
