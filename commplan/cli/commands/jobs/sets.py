"""What `verify`, `simulate`, `run` and `fabric run` answer of a set of collectives."""

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any, TypeVar

import click

from commplan.cli.io.answer import Answer, table
from commplan.cli.io.failures import RefusedError, say
from commplan.cli.io.jobs.together import faults_or, report_fields, report_rows, set_title
from commplan.cli.io.needless import is_given
from commplan.cli.io.progress import progress
from runtime.fabric import machine as emulated
from runtime.fabric.together import SetTrial, run_set
from runtime.launch import rank_map
from runtime.launch.together import SetMeasurement, run_together, taking_part
from runtime.simulate.simulate import Sharing
from runtime.simulate.together import simulate_together
from runtime.verify.together import SetReport, verify_together
from solvers.schedules.ensembles.ensemble import Ensemble
from solvers.schedules.ensembles.files import is_ensemble, load
from solvers.schedules.files import ScheduleFileError
from solvers.settings.options import Switching
from topologies.formats import spec
from topologies.model.topology import digest
from topologies.model.units import Seconds, count_of, duration

Body = Callable[..., Answer]
Found = TypeVar("Found")
NEEDLESS = "a set of collectives has its sizes, and a program for each"


def or_of_set(answer: Callable[..., Answer], *needless: str) -> Callable[[Body], Body]:
    """Let a command answer of sets of collectives that run together, too.

    Args:
        answer: takes the set and the command's words.
        needless: options that mean nothing for a set.
    """

    def widen(body: Body) -> Body:
        @wraps(body)
        def choose(file: str, topology: str | None = None, **words: Any) -> Answer:  # noqa: ANN401
            if not is_ensemble(file):
                return body(file=file, topology=topology, **words)
            for name in needless:
                if is_given(name):
                    raise click.BadParameter(NEEDLESS, param_hint=f"--{name.replace('_', '-')}")
            found = load(file)
            if topology is not None:
                _belongs(found, topology, file)
            return answer(found, **words)

        return choose

    return widen


def _belongs(ensemble: Ensemble, name: str, file: str) -> None:
    """Refuse a set that was made for another machine.

    Raises:
        ScheduleFileError: it was.
    """
    machine = spec.topology(name)
    if digest(machine) != digest(ensemble.topology):
        made = ensemble.topology.name
        raise ScheduleFileError(f"{file}: made for {made}, but {machine.name} is given")


def verify_set(ensemble: Ensemble, **_: object) -> Answer:
    """Check each schedule, the loads of all together, and the bound."""
    with progress() as watch:
        watch.tell("verifying")
        report = verify_together(ensemble)
    fields = report_fields(ensemble, report)
    rows = list(report_rows(report)) if report.correct else []
    return Answer(fields, faults_or(set_title(ensemble), report, rows), report.correct)


def verify_first(ensemble: Ensemble) -> SetReport:
    """Verify a set before it is used.

    Raises:
        RefusedError: with each fault.
    """
    report = verify_together(ensemble)
    if not report.correct:
        raise RefusedError("\n".join(f"wrong set: {fault}" for fault in report.faults))
    return report


def simulate_set(ensemble: Ensemble, switching: Switching, sharing: Sharing, **_: object) -> Answer:
    """Play all programs of a set at once."""
    verify_first(ensemble)
    with progress() as watch:
        watch.tell("simulating")
        found = simulate_together(ensemble, switching, sharing)
    fluid = float(ensemble.time)
    fields = {
        "predicted_seconds": found.seconds,
        "seconds": fluid,
        "bound_seconds": float(ensemble.least) if ensemble.prices else None,
        "bottleneck": str(found.bottleneck),
        "chunks": found.chunks,
        "messages": found.messages,
    }
    shared = ["links share"] if sharing == "fair" else []
    words = ", ".join([switching, *shared, count_of(found.chunks, "chunk")])
    rows = [
        ("predicted", f"{duration(found.seconds)} for all ({words})"),
        ("link loads", f"{duration(fluid)}, bound {duration(float(ensemble.least))}"),
        ("bottleneck", str(found.bottleneck)),
    ]
    return Answer(fields, table(set_title(ensemble), rows))


def run_set_here(ensemble: Ensemble, **words: Any) -> Answer:  # noqa: ANN401
    """Run all programs of a set at once under mpirun, and check every result."""
    measured = _run(partial(run_together, ensemble), ensemble, **words)
    return Answer(
        _measured_fields(measured),
        table(set_title(ensemble), _measured_rows(measured)),
        _is_right(measured),
    )


def run_set_on_fabric(ensemble: Ensemble, **words: Any) -> Answer:  # noqa: ANN401
    """Run all programs of a set at once on the emulated machine that is up."""
    found = _run(partial(run_set, emulated.current_machine(), ensemble), ensemble, **words)
    return Answer(
        _measured_fields(found.measured) | _trial_fields(found),
        table(set_title(ensemble), [*_measured_rows(found.measured), *_trial_rows(found)]),
        _is_right(found.measured) and found.routed,
    )


def _run(
    runner: Callable[..., Found],
    ensemble: Ensemble,
    dtype: str,
    iterations: int,
    warmup: int,
    map_file: str | None,
    timeout: Seconds,
    **_: object,
) -> Found:
    """Verify a set, and give what a way of running it measures."""
    verify_first(ensemble)
    with progress() as watch:
        watch.tell("running under mpirun")
        return runner(
            dtype=dtype,
            iterations=iterations,
            warm_up=warmup,
            played=_played(ensemble, map_file),
            timeout=timeout,
        )


def _played(ensemble: Ensemble, map_file: str | None) -> Sequence[int]:
    if map_file is None:
        return ()
    machine = ensemble.topology
    return rank_map.read(map_file, taking_part(ensemble), machine.names[: machine.ranks])


def _is_right(measured: SetMeasurement) -> bool:
    """Tell whether all results were right, and say so if not."""
    if measured.wrong:
        say(f"wrong result: {count_of(measured.wrong, 'element')} not as the definition asks for")
    return measured.wrong == 0


def _measured_fields(measured: SetMeasurement) -> dict[str, object]:
    return {
        "seconds": measured.seconds,
        "each_seconds": list(measured.each),
        "wrong": measured.wrong,
        "ranks": measured.ranks,
    }


def _measured_rows(measured: SetMeasurement) -> list[tuple[str, str]]:
    count = count_of(measured.ranks, "process")
    first, last = min(measured.each), max(measured.each)
    return [
        ("measured", f"{duration(measured.seconds)} for all ({count})"),
        ("each", f"over after {duration(first)} to {duration(last)}"),
        ("wrong", count_of(measured.wrong, "element")),
    ]


def _trial_fields(found: SetTrial) -> dict[str, object]:
    return {
        "predicted_seconds": found.predicted,
        "fluid_seconds": found.fluid,
        "bound_seconds": found.bound,
        "of_bound": found.bound / found.measured.seconds if found.bound else None,
        "routed": found.routed,
    }


def _trial_rows(found: SetTrial) -> list[tuple[str, str]]:
    ratio = found.measured.seconds / found.predicted if found.predicted else 1.0
    bound = "none"
    if found.bound:
        bound = f"{duration(found.bound)}, {found.bound / found.measured.seconds:.1%}"
    wrong = sum(not flow.right for flow in found.flows)
    return [
        ("predicted", f"{duration(found.predicted)}, measured / predicted {ratio:.3f}"),
        ("link loads", duration(found.fluid)),
        ("bound", bound),
        (
            "traffic",
            f"{wrong} of {len(found.flows)} links are not as planned"
            if wrong
            else f"as planned on all {len(found.flows)} links",
        ),
    ]
