"""What is used of others without being documented is still there, as it is used.

The versions in pyproject.toml end where nobody has looked: raise them when these tests pass.
"""

import ctypes
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
BELOW = {
    word.partition(">=")[0]: word.partition("<")[2]
    for words in [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
    ]
    for word in words
    if "," in word
}


@pytest.mark.parametrize("package", ["ortools", "mpi4py", "torch"])
def test_the_version_here_is_below_the_first_that_was_not_tested(package):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    installed, end = (
        [int(n) for n in v.split(".")[:2]] for v in (version(package), BELOW[package])
    )
    assert installed < end


def test_glop_is_called_below_the_documented_interface_of_or_tools():
    from ortools.linear_solver.python import model_builder_helper as ortools

    model, engine = ortools.ModelBuilderHelper(), ortools.ModelSolverHelper("GLOP")
    one = np.ones(1)
    model.fill_model_from_sparse_data(0 * one, np.inf * one, one, one, 2 * one, csr_array([[1.0]]))
    assert callable(engine.interrupt_solve)
    engine.set_time_limit_in_seconds(10.0)
    engine.solve(model)
    assert engine.status() == ortools.SolveStatus.OPTIMAL
    assert (engine.variable_values()[0], engine.dual_values()[0]) == (1, 1)
    assert engine.objective_value() == 1


@pytest.mark.mpi
def test_mpi4py_tells_the_size_of_a_handle_and_of_a_status():
    MPI = pytest.importorskip("mpi4py.MPI")
    assert MPI._sizeof(MPI.Comm) in (ctypes.sizeof(ctypes.c_int), ctypes.sizeof(ctypes.c_void_p))
    assert MPI._sizeof(MPI.Status) >= 20
    assert isinstance(MPI.BYTE.handle, int)


def test_torch_has_a_work_of_c10d_to_derive_from():
    dist = pytest.importorskip("torch.distributed")
    assert issubclass(type("Done", (dist._Work,), {}), dist._Work)
