"""Schedules are kept for who asks for the same again, and nobody else."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

import commplan
from commplan.communicator.plans import kept_schedules
from commplan.communicator.plans.kept_schedules import KeptSchedules, Wanted
from topologies.presets.shapes import ring

ROOT = Path(__file__).parents[4]
MACHINE = ring(4)
WANTED = Wanted(commplan.collective("all_reduce", range(4)), 1024)


@pytest.fixture
def kept(tmp_path):
    made = KeptSchedules(tmp_path)
    made.save(MACHINE, WANTED, commplan.plan(MACHINE, WANTED.collective).schedule)
    assert made.load(MACHINE, WANTED) is not None
    return made


def test_another_version_finds_nothing_and_keeps_its_own(kept, monkeypatch):
    monkeypatch.setattr(kept_schedules, "VERSION", "9.0.0")
    assert kept.load(MACHINE, WANTED) is None
    kept.save(MACHINE, WANTED, commplan.plan(MACHINE, WANTED.collective).schedule)
    assert kept.load(MACHINE, WANTED) is not None
    assert len(list(Path(kept.folder).iterdir())) == 2


def test_other_machines_sizes_and_collectives_find_nothing(kept):
    assert kept.load(ring(5), WANTED) is None
    assert kept.load(MACHINE, WANTED._replace(size=2048)) is None
    other = Wanted(commplan.collective("broadcast", range(4), 1), 1024)
    assert kept.load(MACHINE, other) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b'"transfers"', b'"shipments"'),
        lambda text: text[: len(text) // 2],
        lambda _: b"[]",
        lambda _: b"",
    ],
)
def test_a_file_of_another_format_is_left_aside_with_a_warning(kept, caplog, change):
    [path] = Path(kept.folder).iterdir()
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))
    assert kept.load(MACHINE, WANTED) is None
    assert "is left aside" in caplog.text


def test_the_version_is_known_where_nothing_is_installed(tmp_path):
    for name in ("commplan", "topologies", "solvers", "runtime"):
        (tmp_path / name).symlink_to(ROOT / name)
    script = (
        "import importlib.metadata as m; m.version = None; import commplan;"
        "from commplan.communicator.plans.kept_schedules import VERSION;"
        "print(commplan.__version__ == VERSION != '')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "True\n", done.stderr
