"""The examples run, and say something."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from runtime.launch.process import run_limited

FOLDER = Path(__file__).parents[1] / "examples"
UNDER_MPIRUN = {"mpi_allreduce": "mpi4py", "torch_training": "torch"}
ALONE = [
    file
    for file in sorted(FOLDER.glob("*.*"))
    if file.suffix in (".py", ".ipynb") and file.stem not in UNDER_MPIRUN
]


def code_of(file):
    """Give a script, or what the cells of a notebook run."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        return text
    cells = json.loads(text)["cells"]
    assert not any(cell.get("outputs") for cell in cells), "outputs are not kept"
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


@pytest.mark.parametrize("file", ALONE, ids=lambda file: file.name)
def test_an_example_runs_in_an_empty_folder(tmp_path, monkeypatch, capsys, file):
    monkeypatch.chdir(tmp_path)
    exec(compile(code_of(file), file.name, "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


@pytest.mark.mpi
@pytest.mark.parametrize(("name", "package"), UNDER_MPIRUN.items())
def test_an_example_runs_under_mpirun(mpi, name, package):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed (extra: {package})")
    command = [sys.executable, "-m", "mpi4py", str(FOLDER / f"{name}.py")]
    ended = run_limited([*mpi.command_line(4), *command], mpi.environment(100), 100)
    assert ended.code == 0, ended.errors
    assert ended.output


def test_every_example_is_listed():
    listed = (FOLDER / "README.md").read_text(encoding="utf-8")
    for file in FOLDER.iterdir():
        assert file.name == "README.md" or f"({file.name})" in listed
