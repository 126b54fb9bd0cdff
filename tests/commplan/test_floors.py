import os
import subprocess
import sys
from pathlib import Path

import pytest

import commplan

HOME = Path(commplan.__file__).parent.parent


def importing(folder, *names):
    """Import commplan with a folder in front of the path, as `python` does with the current one."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(HOME)])}
    code = "import commplan; print(len(commplan.__all__))"
    return subprocess.run(
        [sys.executable, *names, "-c", code],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("file", ["solvers.py", "runtime/__init__.py", "topologies/module.py"])
def test_another_package_of_our_name_is_named(tmp_path, file):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("raise SystemExit('never run')")
    ended = importing(tmp_path)
    # A folder without __init__.py loses against a package, wherever it stands on the path.
    if file == "topologies/module.py":
        assert ended.returncode == 0
        return
    name = Path(file).parts[0].removesuffix(".py")
    last = ended.stderr.splitlines()[-1]
    assert last == (
        f"ImportError: commplan: {path} shadows commplan's own package {name}, {HOME / name}"
    )


def test_planning_needs_no_mpi4py(tmp_path):
    (tmp_path / "mpi4py.py").write_text("raise ImportError('no MPI here')")
    ended = importing(tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_face_hands_on_what_it_names():
    assert sorted(commplan.__all__) == sorted(set(commplan.__all__))
    assert all(hasattr(commplan, name) for name in commplan.__all__)
