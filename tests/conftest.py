"""Small machines that every solver and every checker must get right."""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from signal import SIG_DFL, SIG_IGN, SIGHUP, SIGINT, default_int_handler, getsignal, signal

import pytest

from commplan.candidates import tuning
from runtime.launch import mpi as launching
from runtime.launch.mpi import OPTIMISATION, LaunchError, Mpi, find
from solvers.schedules.kinds import collective
from solvers.solve import solve
from tests.support.written import check_written
from topologies.formats import atomic
from topologies.formats.spec import topology
from topologies.model import registry
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.nvidia import dgx_1
from topologies.presets.shapes import (
    full_mesh,
    hypercube,
    leaf_spine,
    line,
    mesh,
    nd_full_mesh,
    ring,
    star,
    torus,
)

# A shell makes what runs in the background deaf to Ctrl-C; tests that press it would hang.
if getsignal(SIGINT) is SIG_IGN:
    signal(SIGINT, default_int_handler)
if getsignal(SIGHUP) is SIG_IGN:  # as under nohup
    signal(SIGHUP, SIG_DFL)


def pytest_addoption(parser):
    """Add options here, where pytest looks for them whatever it is asked to run."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")


def pytest_collection_finish():
    """Keep thousands of tests and their modules out of every later search for garbage."""
    gc.collect()
    gc.freeze()


# Of each shape, the smallest, an odd one and a power of two; a line of two is all shapes of two.
SIZES = {ring: (1, 2, 3, 5, 8), line: (2, 5), star: (1, 3, 8), full_mesh: (3, 8)}
MANY = 12  # ranks above which a machine is solved with its symmetry only
ZOO = {
    **{f"{shape.__name__}-{n}": (shape, n) for shape, sizes in SIZES.items() for n in sizes},
    "torus-2x2": (torus, [2, 2]),
    "torus-3x3": (torus, [3, 3]),
    "torus-2x4": (torus, [2, 4]),
    "mesh-3x3": (mesh, [3, 3]),
    "hypercube-3": (hypercube, 3),
    "nd-full-mesh-2x3": (nd_full_mesh, [2, 3]),
    "leaf-spine-2x2x2": (leaf_spine, 2, 2, 2),
    "dgx-1": (dgx_1,),
    "cloudmatrix384-1": (cloudmatrix384, 1),
    "one port": (topology, "torus:2x3:ports=1"),
}


@cache
def made(name):
    shape, *sizes = ZOO[name]
    return shape(*sizes)


@pytest.fixture(params=ZOO)
def small_machine(request):
    """Run a test once for each machine of the zoo."""
    return made(request.param)


@pytest.fixture(
    params=[name for name in ZOO if made(name).ranks <= MANY and len(made(name).symmetry)]
)
def symmetric_machine(request):
    """Run a test once for each machine that is solved soon without its symmetry too."""
    return made(request.param)


@pytest.fixture(scope="session")
def solved():
    """Solve a collective of all ranks of a machine, once for all tests."""
    return cache(lambda machine, name: solve(machine, collective(name, range(machine.ranks))))


@pytest.fixture(autouse=True, scope="session")
def schemas():
    """Hold every file that a test writes to the schema that users are given for it."""
    write, seen = atomic.write, Counter()

    def checked(path, content):
        seen[check_written(path, content)] += 1
        write(path, content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "write", checked)
        yield seen


@pytest.fixture(autouse=True, scope="session")
def quick_compiler():
    """Compile emitted C plainly, six times as fast; commands in processes of their own optimise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launching, "OPTIMISATION", "-O0")
        yield


@pytest.fixture
def optimised(monkeypatch):
    """Compile emitted C as it is for users."""
    monkeypatch.setattr(launching, "OPTIMISATION", OPTIMISATION)


# A tenth of the work that searches do for users: what a plan must be, it is with any.
LITTLE = {"EXACT_WORK": 0.3, "LOW_WORK": 0.2, "EASED_WORK": 0.2}
WHOLE = {name: getattr(tuning, name) for name in LITTLE}


@pytest.fixture(autouse=True, scope="session")
def quick_searches():
    """Search a little for other schedules of a size; commands in processes of their own do all."""
    with pytest.MonkeyPatch.context() as patch:
        for name, seconds in LITTLE.items():
            patch.setattr(tuning, name, seconds)
        yield


@pytest.fixture
def thorough(monkeypatch):
    """Search for other schedules of a size as for users."""
    for name, seconds in WHOLE.items():
        monkeypatch.setattr(tuning, name, seconds)


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Let numpy start no threads for algebra in the hundreds of processes that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        yield


@pytest.fixture
def golden(request):
    """Compare a text with a file of tests/golden, or write it there with --update-golden."""

    def compare(name, text):
        file = Path(__file__).parent / "golden" / name
        if request.config.getoption("--update-golden"):
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def mpi() -> Mpi:
    """Give the MPI of this computer; without one, skip."""
    try:
        return find()
    except LaunchError as error:
        pytest.skip(str(error))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a package of others: its entry points and modules, in a folder on the path."""
    site = tmp_path / "site"

    def installed(package: str, entry_points: str, modules: Mapping[str, str]) -> Path:
        info = site / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        for name, text in modules.items():
            file = site / f"{name}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            for module in (name.partition("/")[0], name.replace("/", ".")):
                monkeypatch.delitem(sys.modules, module, raising=False)
        registry._find_entry_points.cache_clear()
        return site

    site.mkdir()
    registry._find_entry_points.cache_clear()
    monkeypatch.syspath_prepend(site)
    return installed
