"""The emitted programs' fixed parts, kept as files that run by themselves, joined into one file."""

import ast
import re
from collections.abc import Iterator
from importlib.resources import files

IMPORTS = (ast.Import, ast.ImportFrom)
PYTHON_PARTS = ("plan", "options", "lowering", "machine", "check", "table", "main")


def python_program(opening: str, plan: str) -> str:
    """Join the parts in Python, with `plan` in place of the plan of one process."""
    texts = [
        _read("emit/in_python", f"{part}.py") if part != "plan" else plan for part in PYTHON_PARTS
    ]
    imports = [line for text in texts for line in _imports(text)]
    bodies = [_body(text) for text in texts]
    # As ruff and isort have them: the standard library first, `import` lines before `from` lines.
    lines = [
        "\n".join(line for line in _merged(imports) if _is_foreign(line) == foreign)
        for foreign in (False, True)
    ]
    return "\n\n".join([opening, *lines]) + "\n\n" + "\n\n\n".join(bodies) + "\n"


def _imports(text: str) -> Iterator[ast.Import | ast.ImportFrom]:
    """Give the imports of a part but for those of other parts."""
    for node in ast.parse(text).body:
        if isinstance(node, IMPORTS) and not getattr(node, "module", "").startswith("runtime."):
            yield node


def _merged(imports: list[ast.Import | ast.ImportFrom]) -> list[str]:
    """Write imports, each once, and all that come from one module in one line."""
    whole = {ast.unparse(node) for node in imports if isinstance(node, ast.Import)}
    names: dict[str, set[str]] = {}
    for node in imports:
        if isinstance(node, ast.ImportFrom):
            names.setdefault(str(node.module), set()).update(alias.name for alias in node.names)
    parts = (f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names))
    return [*sorted(whole), *parts]


def _body(text: str) -> str:
    """Leave a part's imports out, and make a comment of its docstring."""
    tree = ast.parse(text)
    ends = [node.end_lineno or 1 for node in tree.body if isinstance(node, IMPORTS)]
    docstring = ast.get_docstring(tree) or ""
    return f"# {docstring}\n\n\n" + "\n".join(text.splitlines()[max(ends, default=1) :]).strip()


def _is_foreign(line: str) -> bool:
    return line.split()[1] in ("numpy", "mpi4py")


def c_program(opening: str, plan: str) -> str:
    """Join the parts in C, with `plan` in place of the plan of one process."""

    def included(match: re.Match[str]) -> str:
        if match[1] == "plan.c":
            return plan
        return _read("execute" if match[1] == "engine.c" else "emit/in_c", match[1]).rstrip()

    main = _read("emit/in_c", "main.c")
    whole = re.sub(r'#include "(\w+\.c)"\n', lambda match: included(match) + "\n", main)
    return f"{opening}\n\n{whole}"


def _read(folder: str, name: str) -> str:
    return files("runtime").joinpath(folder, name).read_text(encoding="utf-8")
