"""The floors of the house: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("topologies", "solvers", "runtime", "commplan", "bench")
# Kept as files, written into emitted programs, never imported.
EMITTED = ROOT / "runtime" / "emit" / "in_python"
# Where programs are run by the process that asks.
RUNNING = (
    ROOT / "runtime" / "execute",
    ROOT / "commplan" / "communicator",
    ROOT / "commplan" / "candidates" / "races.py",
    ROOT / "commplan" / "torch",
)
# Scripts that mpirun starts.
STARTED = ROOT / "bench" / "ranks"


def imports(path):
    """List the first word of everything that a module imports, wherever it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield (node.module or "").split(".")[0]


def modules(floor):
    found = sorted((ROOT / floor).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_imports_only_floors_below(floor):
    above = set(FLOORS[FLOORS.index(floor) + 1 :])
    guilty = [str(path) for path in modules(floor) if above & set(imports(path))]
    assert guilty == []


def test_mpi4py_is_only_in_emitted_programs_and_where_programs_run():
    users = {path for floor in FLOORS for path in modules(floor) if "mpi4py" in set(imports(path))}
    homes = (EMITTED, *RUNNING, STARTED)
    assert users
    assert all(any(path.is_relative_to(home) for home in homes) for path in users)


@pytest.mark.parametrize("home", RUNNING)
def test_what_runs_programs_imports_mpi4py_only_when_it_runs_one(home):
    # Planning needs no MPI, and importing mpi4py starts it.
    for path in home.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        first = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert "mpi4py" not in "".join(map(ast.unparse, first)), path


def test_only_emitted_programs_import_each_other():
    name = "runtime.emit.in_python"
    for floor in FLOORS:
        for path in modules(floor):
            if not path.is_relative_to(EMITTED):
                assert f"import {name}" not in path.read_text(encoding="utf-8")
                assert f"from {name}" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("package", "home"),
    [
        ("networkx", "topologies"),
        ("ortools", "solvers"),
        ("click", "commplan"),
        ("rich", "commplan"),
        ("torch", "commplan"),
    ],
)
def test_each_third_party_has_one_home(package, home):
    users = {floor for floor in FLOORS for path in modules(floor) if package in set(imports(path))}
    assert users - {"bench"} == {home}
