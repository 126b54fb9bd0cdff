"""Searches by CP-SAT, as far as all have it in common."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

INTERRUPTED = """
import os, signal
from ortools.sat.python import cp_model
from solvers.settings.cp_sat import new_solver
model = cp_model.CpModel()
model.maximize(model.new_int_var(0, 3, "x"))
print(new_solver().solve(model) == cp_model.OPTIMAL)
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("heard")
"""


def test_ctrl_c_after_a_search_is_heard():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["True", "heard"], done.stderr


def test_every_search_is_started_in_one_place():
    made = [
        path.relative_to(ROOT).as_posix()
        for floor in ("commplan", "runtime", "solvers", "topologies")
        for path in (ROOT / floor).rglob("*.py")
        if re.search(r"\bCpSolver\(", path.read_text("utf-8"))
    ]
    assert made == ["solvers/settings/cp_sat.py"]
