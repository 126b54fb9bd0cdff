"""A contingency as a folder: a table of outcomes, and a schedule file for each that has one."""

import json
import os
import shutil
import tempfile
from collections.abc import Sequence

from commplan.changes.contingency import Outcome
from solvers.schedules import files
from topologies.model.errors import WRONG_INPUT, CommplanError

TABLE = "contingency.json"
FORMAT = "commplan-contingency/1"


class FolderError(CommplanError, ValueError):
    """A folder that cannot be written."""

    exit_code = WRONG_INPUT


def check_new(folder: str) -> None:
    """Refuse a folder that cannot be made, or that holds something already.

    Raises:
        FolderError: with the reason.
    """
    parent = os.path.dirname(os.path.abspath(folder))
    if os.path.isdir(folder) and not os.listdir(folder):
        return
    if os.path.lexists(folder):
        raise FolderError(f"{folder}: it is there already, expected a new folder")
    if not os.path.isdir(parent):
        raise FolderError(f"{folder}: there is no folder {parent}")


def save(outcomes: Sequence[Outcome], folder: str) -> None:
    """Write the folder beside its place, then move it there.

    Raises:
        FolderError: as of `check_new`.
    """
    check_new(folder)
    beside = tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(folder)), prefix=".contingency-")
    try:
        rows = [_write(outcome, number, beside) for number, outcome in enumerate(outcomes)]
        with open(os.path.join(beside, TABLE), "w", encoding="utf-8") as file:
            groups = [each.failure.group for each in outcomes if each.failure.group is not None]
            alike = groups[0].generators.tolist() if groups else []
            json.dump({"format": FORMAT, "alike": alike, "outcomes": rows}, file)
        os.chmod(beside, 0o755)
        os.replace(beside, folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def row(outcome: Outcome) -> dict[str, object]:
    """Give the line of the table of one outcome, as JSON has it."""
    failure = outcome.failure
    return {
        "kind": failure.kind,
        "name": failure.name,
        "count": failure.count,
        "lost": float(outcome.lost),
        "lost_exact": str(outcome.lost),
        "proved": outcome.proved,
        "reason": outcome.reason,
        "links": [[link, str(left)] for link, left in failure.damage.links],
        "vertices": list(failure.damage.vertices),
    }


def _write(outcome: Outcome, number: int, folder: str) -> dict[str, object]:
    """Write the schedule of one outcome, if it has one, and give its line."""
    line = row(outcome)
    if outcome.plan is None:
        return line
    name = f"{number:03}-{outcome.failure.kind}.json.gz"
    files.save(outcome.plan.schedule, os.path.join(folder, name))
    return line | {"file": name}
