"""The emitted programs' fixed parts, kept as files that run by themselves, joined into one file."""

import ast
import re
from importlib.resources import files

PYTHON_PARTS = ("plan", "options", "lowering", "machine", "check", "table", "main")


def python_program(opening: str, plan: str) -> str:
    """Join the parts in Python, with `plan` in place of the plan of one process."""
    imports: set[str] = set()
    bodies = []
    for part in PYTHON_PARTS:
        text = _read("in_python", f"{part}.py") if part != "plan" else plan
        bodies.append(_body(text, imports))
    standard = sorted(line for line in imports if not _is_foreign(line))
    foreign = sorted(line for line in imports if _is_foreign(line))
    # `import` lines stand before `from` lines, as ruff and isort have them.
    lines = [
        "\n".join(sorted(group, key=lambda line: line.startswith("from")))
        for group in (standard, foreign)
    ]
    return "\n\n".join([opening, *lines]) + "\n\n" + "\n\n\n".join(bodies) + "\n"


def _body(text: str, imports: set[str]) -> str:
    """Take a part's imports out, and make a comment of its docstring."""
    tree = ast.parse(text)
    end = 1
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            end = node.end_lineno or end
            if not getattr(node, "module", "").startswith("runtime."):
                imports.add(ast.unparse(node))
    docstring = ast.get_docstring(tree) or ""
    return f"# {docstring}\n\n\n" + "\n".join(text.splitlines()[end:]).strip()


def _is_foreign(line: str) -> bool:
    return line.split()[1] in ("numpy", "mpi4py")


def c_program(opening: str, plan: str) -> str:
    """Join the parts in C, with `plan` in place of the plan of one process."""

    def included(match: re.Match[str]) -> str:
        return plan if match[1] == "plan.c" else _read("in_c", match[1]).rstrip()

    main = _read("in_c", "main.c")
    whole = re.sub(r'#include "(\w+\.c)"\n', lambda match: included(match) + "\n", main)
    return f"{opening}\n\n{whole}"


def _read(folder: str, name: str) -> str:
    return files("runtime.emit").joinpath(folder, name).read_text(encoding="utf-8")
