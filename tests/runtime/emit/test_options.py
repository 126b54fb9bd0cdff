"""Emitted programs read sizes as the commands do, with parsers of their own."""

import ast
import re
from pathlib import Path

from runtime.emit import in_c, in_python
from topologies.model.units import UNITS


def source(package, name):
    return (Path(next(iter(package.__path__))) / name).read_text(encoding="utf-8")


def test_programs_in_python_know_the_units_of_the_commands():
    found: dict[str, object] = {}
    tree = ast.parse(source(in_python, "options.py"))
    kept = [
        node
        for node in tree.body
        if "UNITS" in ast.unparse(node) and "def " not in ast.unparse(node)
    ]
    exec(compile(ast.Module(kept, []), "options.py", "exec"), found)
    assert found["UNITS"] == UNITS


def test_programs_in_c_know_the_units_of_the_commands():
    rows = re.findall(r'\{"([A-Za-z]*)", ([0-9L <]+)\}', source(in_c, "options.c"))
    found = {}
    for unit, text in rows:
        first, _, shift = text.replace("LL", "").partition("<<")
        found[unit] = int(first) << int(shift or 0)
    assert found == UNITS
