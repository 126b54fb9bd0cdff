"""The floors of the house: who may import whom."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("topologies", "solvers", "runtime", "commplan", "bench")
# The rooms of each floor, the lowest first; a module that lies in the floor itself is a room too.
ROOMS = {
    "topologies": ("model", "symmetry", "derive", "presets", "formats", "importers"),
    "solvers": (
        *("schedules", "demands", "certify", "settings", "lp", "routing", "bounds", "templates"),
        *(
            "selectable",
            "timing",
            "arborescences",
            "packing",
            "trees",
            "flows",
            "groups",
            "fallback",
            "repair",
        ),
        *("kept_symmetry", "registry", "solve", "together", "exact", "jobs", "placement", "steps"),
    ),
    "runtime": (
        *(
            "metrics",
            "verify",
            "program",
            "alone",
            "interpret",
            "simulate",
            "foreign",
            "emit",
            "execute",
            "launch",
            "fabric",
            "calibrate",
        ),
    ),
    "commplan": (
        *("_version", "_floors", "anytime", "candidates", "planning", "changes", "tuning"),
        *("drawing", "measurements", "fitting", "expectation", "report", "selection"),
        *("judgement", "communicator", "jobs", "together", "schemas", "torch", "jax"),
        *("library", "__init__", "cli", "__main__"),
    ),
}
MOST_FILES = 14
# Kept as files, written into emitted programs, never imported.
EMITTED = ROOT / "runtime" / "emit" / "in_python"
# Where programs are run by the process that asks.
RUNNING = (
    ROOT / "runtime" / "execute",
    ROOT / "runtime" / "calibrate" / "processes",
    ROOT / "commplan" / "communicator",
    ROOT / "commplan" / "candidates" / "crew.py",
    ROOT / "commplan" / "jobs" / "running.py",
    ROOT / "commplan" / "torch",
)
# Scripts that mpirun starts.
STARTED = ROOT / "bench" / "ranks"


@cache
def text(path):
    return path.read_text(encoding="utf-8")


@cache
def statements(path):
    """List the statements of a module that import something, wherever they stand."""
    nodes = ast.walk(ast.parse(text(path)))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


@cache
def imports(path):
    """Give the first words of everything that a module imports, wherever it does so."""
    found = set()
    for node in statements(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        else:
            assert node.level == 0, f"{path}: a relative import"
            found.add((node.module or "").split(".")[0])
    return found


@cache
def modules_imported(path):
    """List the modules of ours that a module imports, by their dotted names."""
    found = []
    for node in statements(path):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found += [name for name in names if name.split(".")[0] in ROOMS]
    return found


def room(dotted):
    """Give the room of a dotted name, whether it ends in a module or in something of it."""
    floor, *inside = dotted.split(".")
    return inside[0] if inside and inside[0] in ROOMS[floor] else "__init__"


@cache
def modules(floor):
    found = sorted((ROOT / floor).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_imports_only_floors_below(floor):
    above = set(FLOORS[FLOORS.index(floor) + 1 :])
    guilty = [str(path) for path in modules(floor) if above & imports(path)]
    assert guilty == []


@pytest.mark.parametrize("floor", ROOMS)
def test_all_rooms_of_a_floor_are_known(floor):
    found = {path.relative_to(ROOT / floor).parts[0].removesuffix(".py") for path in modules(floor)}
    assert found - {"__init__"} == set(ROOMS[floor]) - {"__init__"}


@pytest.mark.parametrize("floor", ROOMS)
def test_a_room_imports_only_rooms_before_it(floor):
    order = ROOMS[floor]
    for path in modules(floor):
        if path.is_relative_to(EMITTED):
            continue
        own = path.relative_to(ROOT / floor).parts[0].removesuffix(".py")
        for name in modules_imported(path):
            if name.split(".")[0] == floor and own in order and room(name) in order:
                assert order.index(room(name)) <= order.index(own), f"{path} imports {name}"


@pytest.mark.parametrize("floor", ROOMS)
def test_a_room_says_in_a_sentence_what_it_is_for_and_is_not_crowded(floor):
    for folder in {path.parent for path in modules(floor)}:
        said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
        assert said, folder
        files = list(folder.glob("*.py"))
        assert len(files) <= (15 if folder.name in ("templates", "model") else MOST_FILES), folder


def test_the_checker_needs_no_solver():
    todo, seen = [ROOT / "runtime" / "verify" / "verify.py"], set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in modules_imported(path):
            whole = ROOT.joinpath(*name.split(".")).with_suffix(".py")
            todo += [file for file in (whole, whole.parent.with_suffix(".py")) if file.exists()]
    rooms = {path.relative_to(ROOT).parts[:2] for path in seen}
    assert {inside for floor, inside in rooms if floor == "solvers"} == {"certify", "schedules"}
    assert {inside for floor, inside in rooms if floor == "runtime"} == {"metrics", "verify"}
    assert "ortools" not in {word for path in seen for word in imports(path)}
    assert not [path for path in seen if "scipy.optimize" in text(path)]


def test_mpi4py_is_only_in_emitted_programs_and_where_programs_run():
    users = {path for floor in FLOORS for path in modules(floor) if "mpi4py" in imports(path)}
    homes = (EMITTED, *RUNNING, STARTED)
    assert users
    assert all(any(path.is_relative_to(home) for home in homes) for path in users)


@pytest.mark.parametrize("home", RUNNING)
def test_what_runs_programs_imports_mpi4py_only_when_it_runs_one(home):
    # Planning needs no MPI, and importing mpi4py starts it.
    for path in home.rglob("*.py"):
        tree = ast.parse(text(path))
        first = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert "mpi4py" not in "".join(map(ast.unparse, first)), path


def test_only_emitted_programs_import_each_other():
    name = "runtime.emit.in_python"
    for floor in FLOORS:
        for path in modules(floor):
            if not path.is_relative_to(EMITTED):
                assert f"import {name}" not in text(path)
                assert f"from {name}" not in text(path)


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
    users = {floor for floor in FLOORS for path in modules(floor) if package in imports(path)}
    assert users - {"bench"} == {home}
