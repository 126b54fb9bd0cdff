"""What is told of collectives that run at the same time: fields for programs, lines for people."""

from collections.abc import Iterator, Sequence

from commplan.cli.io.answer import table
from commplan.cli.io.quantities import percent
from commplan.together.planning import Together
from runtime.metrics.link_loads import algbw
from runtime.verify.together import SetReport
from solvers.schedules.ensembles.ensemble import Ensemble
from topologies.model.units import Seconds, bytes_of, count_of, duration, rate

SHOWN = 12  # kinds of collectives that a person is shown


def set_title(ensemble: Ensemble) -> str:
    """Say what runs together, and where."""
    ranks = {rank for task in ensemble.tasks for rank in task.collective.ranks}
    count = count_of(len(ensemble.tasks), "collective")
    return f"{count} together on {ensemble.topology.name}, {count_of(len(ranks), 'rank')}"


def report_fields(ensemble: Ensemble, report: SetReport) -> dict[str, object]:
    """Lay out what the checker found."""
    least = None if report.least is None else float(report.least)
    return {
        "correct": report.correct,
        "optimal": report.optimal,
        "faults": list(report.faults),
        "collectives": len(ensemble.tasks),
        "schedules": len(ensemble.schedules),
        "relays": ensemble.relays,
        "seconds": None if report.time is None else float(report.time),
        "bound_seconds": least,
        "gap": _gap(report),
        "scope": report.scope,
        "busiest": report.busiest,
    }


def report_rows(report: SetReport) -> Iterator[tuple[str, str]]:
    """Lay out the bound and what is reached, for a person."""
    least = "none" if report.least is None else f"{duration(float(report.least))} ({report.scope})"
    yield "bound", f"{least} for all to be over"
    gap = _gap(report)
    proof = "optimal: proved" if report.optimal else f"optimal: not proved, gap {percent(gap)}"
    busiest = f"; {report.busiest} has most to carry" if report.busiest else ""
    yield "together", f"{duration(float(report.time or 0))}, {proof}{busiest}"


def _gap(report: SetReport) -> float | None:
    if not report.least or report.time is None:
        return None
    return max(float(report.time / report.least) - 1, 0.0)


def planned_fields(made: Together) -> dict[str, object]:
    """Lay out what was planned."""
    ensemble = made.ensemble
    return {
        **report_fields(ensemble, made.report),
        "alone_seconds": made.alone.seconds if made.alone else None,
        "gain": made.gain,
        "predicted_seconds": made.predicted,
        "alone_predicted_seconds": made.alone_predicted,
        "predicted_gain": made.predicted_gain,
        "reason": made.reason,
        "separate": made.separate,
        "symmetry": ensemble.group.order,
        "groups": list(_groups(ensemble)),
    }


def _groups(ensemble: Ensemble) -> Iterator[dict[str, object]]:
    """Give for each collective its part: its rate, and its largest share of a link."""
    shares = shares_of(ensemble)
    seconds = float(ensemble.time)
    for task, copy in zip(ensemble.tasks, ensemble.copies, strict=True):
        assert copy is not None  # the checker has seen that
        yield {
            "collective": task.collective.name,
            "ranks": list(task.collective.ranks),
            "bytes": task.size,
            "algbw_GBps": task.size / seconds / 1e9 if seconds else None,
            "share": shares[copy.like],
            "like": copy.like,
        }


def shares_of(ensemble: Ensemble) -> dict[int, float]:
    """Give for each schedule that is written down the largest part of a link that it takes."""
    found = {}
    for number, own in ensemble.schedules:
        rated = algbw(own)
        seconds = 0.0 if rated is None else ensemble.tasks[number].size / float(rated)
        found[number] = seconds / float(ensemble.time) if ensemble.time else 0.0
    return found


def planned_lines(made: Together, spent: Seconds, output: str) -> list[str]:
    """Lay the same out for a person."""
    ensemble = made.ensemble
    rows = list(report_rows(made.report))
    if made.alone is None:
        rows.append(("alone", "not planned: the time was over"))
    else:
        gain = f"{made.gain:.3f} times as long" if made.gain else "nothing moves"
        rows.append(("each alone", f"{duration(made.alone.seconds)} when all run, {gain}"))
    if made.predicted is not None:
        rows.append(("predicted", _predicted(made)))
    rows.append(("taken", made.reason))
    rows += _kinds(ensemble)
    rows += [("spent", f"{spent:.1f} s"), ("written to", output)]
    return table(set_title(ensemble), rows)


def _predicted(made: Together) -> str:
    """Say what playing all programs at once predicts."""
    found = f"{duration(made.predicted or 0.0)} with all that messages cost"
    if made.predicted_gain is None or made.alone_predicted is None:
        return found
    times = f"{made.predicted_gain:.3f} times as long"
    return f"{found}; each alone {duration(made.alone_predicted)}, {times}"


def _kinds(ensemble: Ensemble) -> Iterator[tuple[str, str]]:
    """Say what each schedule is for, how fast it is and what part of the links it takes."""
    shares, seconds = shares_of(ensemble), float(ensemble.time)
    count: dict[int, int] = {}
    for copy in ensemble.copies:
        if copy is not None:
            count[copy.like] = count.get(copy.like, 0) + 1
    for number, _ in ensemble.schedules[:SHOWN]:
        task = ensemble.tasks[number]
        own = task.size / seconds if seconds else None
        who = count_of(len(task.collective.ranks), "rank")
        times = f"{count[number]} x " if count.get(number, 1) > 1 else ""
        share = f"{rate(own)}, up to {shares[number]:.1%} of a link"
        yield task.collective.name, f"{times}{who}, {bytes_of(task.size)}: {share}"
    if len(ensemble.schedules) > SHOWN:
        yield "", f"and {len(ensemble.schedules) - SHOWN} more"


def faults_or(title: str, report: SetReport, rows: Sequence[tuple[str, str]]) -> list[str]:
    """Lay out a verdict: each fault, or what was found."""
    if not report.correct:
        return [f"{title}: wrong", *(f"  {fault}" for fault in report.faults)]
    return table(f"{title}: right", rows)
