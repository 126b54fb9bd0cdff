"""Exact small schedules: what is published of DGX-1, and frontiers of other small machines."""

from contextlib import suppress
from time import monotonic
from typing import NamedTuple

import click

from bench.verdict import ended
from runtime.verify.verify import verify
from solvers.exact.model import Instance
from solvers.exact.pareto import frontier
from solvers.exact.search import FOUND, IMPOSSIBLE, OPEN, Answer, ScclSearch, Verdict
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import collective
from solvers.settings.deadline import NotFound, Watch
from topologies.formats.spec import topology


class Known(NamedTuple):
    """A question with a known answer, and the seconds that it took others."""

    machine: str
    collective: str
    point: Instance
    verdict: Verdict
    others: str


# The seconds are those of SCCL's repository (microsoft/sccl, SYNTHESIS.md), on its machine.
KNOWN = (
    Known("dgx-1", "all_gather", Instance(2, 2, 1), FOUND, "0.5 s"),
    Known("dgx-1", "all_gather", Instance(2, 3, 2), FOUND, "0.9 s"),
    Known("dgx-1", "all_gather", Instance(2, 4, 3), IMPOSSIBLE, "1.1 s"),
    Known("dgx-1", "all_gather", Instance(3, 4, 3), FOUND, "2.9 s"),
    Known("dgx-1", "all_gather", Instance(3, 5, 4), FOUND, "6.5 s"),
    Known("dgx-1", "all_gather", Instance(3, 6, 5), FOUND, "44.0 s"),
    Known("dgx-1", "all_gather", Instance(3, 7, 6), FOUND, "56.1 s"),
    Known("dgx-1", "all_to_all", Instance(3, 3, 1), FOUND, ""),
    Known("dgx-1", "all_to_all", Instance(2, 2, 1), IMPOSSIBLE, ""),
    Known("ring:8", "all_to_all", Instance(8, 8, 1), FOUND, "not finished"),
    Known("ring:8", "all_to_all", Instance(7, 7, 1), IMPOSSIBLE, ""),
)
FRONTIERS = (
    ("dgx-1", "all_gather", 6),
    ("dgx-1", "all_reduce", 6),
    ("dgx-1", "all_to_all", 3),
    ("ring:8", "all_to_all", 2),
    ("torus:4x4", "all_gather", 4),
    ("hypercube:3", "all_gather", 3),
    ("leaf-spine:2x2x4", "all_gather", 2),
    ("dgx-a100", "all_to_all", 1),
)


@click.command()
@click.option("--limit", default=60.0, show_default=True, help="Seconds for each question.")
def main(limit: float) -> None:
    """Ask everything; exit 1 where an answer is not the known one, or a schedule is wrong."""
    click.echo(f"{'machine':18}{'collective':14}{'S, R, C':>11}  {'answer':20}{'seconds':>8}  SCCL")
    wrong: list[str] = []
    for known in KNOWN:
        exact = ScclSearch(topology(known.machine), _everyone(known.machine, known.collective))
        asked = f"{known.machine} {known.collective} {known.point}"
        try:
            answer = exact.ask(known.point, Watch(limit))
        except NotFound as error:
            wrong.append(f"{asked}: {error}, expected {known.verdict}")
            continue
        if answer.verdict != known.verdict or not _right(answer):
            wrong.append(f"{asked}: {answer.verdict} ({answer.reason}), expected {known.verdict}")
        _tell(known.machine, known.collective, answer, known.others)
    for machine, name, chunks in FRONTIERS:
        started, watch = monotonic(), Watch(limit)
        answers: list[Answer] = []
        with suppress(NotFound):  # the time is over, and the frontier is open
            exact = ScclSearch(topology(machine), _everyone(machine, name), watch)
            for answer in frontier(exact, chunks, watch=watch):
                answers.append(answer)
        for answer in answers:
            if not _right(answer):
                wrong.append(f"{machine} {name} {answer.point}: a wrong schedule")
            if answer.verdict != IMPOSSIBLE:
                _tell(machine, name, answer, "")
        open_ones = watch.over or any(answer.verdict == OPEN for answer in answers)
        click.echo(
            f"{machine:18}{name:14}{'frontier':>11}  {'open' if open_ones else 'complete':20}"
            f"{monotonic() - started:8.2f}  at most {chunks} chunks, {len(answers)} questions"
        )
    ended(wrong)


def _everyone(machine: str, name: str) -> Collective:
    return collective(name, range(topology(machine).ranks))


def _right(answer: Answer) -> bool:
    return answer.schedule is None or verify(answer.schedule).correct


def _tell(machine: str, name: str, answer: Answer, others: str) -> None:
    point = ", ".join(map(str, answer.point))
    click.echo(
        f"{machine:18}{name:14}{point:>11}  {answer.verdict:20}{answer.seconds:8.2f}  {others}"
    )


if __name__ == "__main__":
    main()
