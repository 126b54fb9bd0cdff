"""The emitted programs' fixed parts, kept as files that run by themselves, joined into one file."""

import ast
import re
from collections.abc import Iterator
from importlib.resources import files

from runtime.emit.bundle import Bundle, Import, is_ours

PYTHON_PARTS = ("plan", "options", "lowering", "machine", "check", "table", "trace", "main")
FOREIGN = ("numpy", "mpi4py")
OWN = "runtime.emit.in_python."


def python_program(opening: str, plan: str) -> str:
    """Join the parts in Python, with `plan` in place of the plan of one process.

    What they import of the compiler comes along as it stands there.
    """
    texts = [
        _read("emit/in_python", f"{part}.py") if part != "plan" else plan for part in PYTHON_PARTS
    ]
    found = [node for text in texts for node in _imports(text)]
    ours = [node for node in found if isinstance(node, ast.ImportFrom) and is_ours(node)]
    bundle = Bundle(
        (str(node.module), alias.name)
        for node in ours
        for alias in node.names
        if not str(node.module).startswith(OWN)
    )
    bodies = [_body(text) for text in texts]
    bodies[1:1] = [f"{name} = Any  # no more is needed of it here" for name in sorted(bundle.named)]
    bodies[2:2] = [f"# {sentence}\n\n\n{text}" for sentence, text in bundle.texts()]
    imports = _merged([node for node in found if not is_ours(node)] + bundle.imports)
    # As ruff and isort have them: the standard library first, `import` lines before `from` lines.
    lines = [
        "\n".join(line for line in imports if _is_foreign(line) == foreign)
        for foreign in (False, True)
    ]
    return "\n\n".join([opening, *lines]) + "\n\n" + "\n\n\n".join(bodies) + "\n"


def _imports(text: str) -> Iterator[Import]:
    """Give the imports of a part."""
    for node in ast.parse(text).body:
        if isinstance(node, Import):
            yield node


def _merged(imports: list[Import]) -> list[str]:
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
    ends = [node.end_lineno or 1 for node in tree.body if isinstance(node, Import)]
    docstring = ast.get_docstring(tree) or ""
    return f"# {docstring}\n\n\n" + "\n".join(text.splitlines()[max(ends, default=1) :]).strip()


SHARED = ("engine.c", "floats.c")  # with the core


def _is_foreign(line: str) -> bool:
    return line.split()[1].split(".")[0] in FOREIGN


def c_program(opening: str, plan: str) -> str:
    """Join the parts in C, with `plan` in place of the plan of one process."""

    def included(match: re.Match[str]) -> str:
        if match[1] == "plan.c":
            return plan
        return _read("execute" if match[1] in SHARED else "emit/in_c", match[1]).rstrip()

    main = _read("emit/in_c", "main.c")
    whole = re.sub(r'#include "(\w+\.c)"\n', lambda match: included(match) + "\n", main)
    return f"{opening}\n\n{whole}"


def _read(folder: str, name: str) -> str:
    return files("runtime").joinpath(folder, name).read_text(encoding="utf-8")
