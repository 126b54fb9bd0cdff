"""The errors of the house: one root, and an exit code of each."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

from topologies.model.errors import BUG, NO, WRONG_INPUT, CommplanError

ROOT = Path(__file__).parent.parent
FLOORS = ("topologies", "solvers", "runtime", "commplan", "bench")
# Written into emitted programs, which know nothing of commplan.
EMITTED = ROOT / "runtime" / "emit" / "in_python"


def module_names():
    """Name every module that can be imported, those of optional extras too."""
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            if not path.is_relative_to(EMITTED) and path.name != "__main__.py":
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def defines_an_error(name):
    """Tell from the text alone, as a module of an extra that is not there cannot be imported."""
    path = ROOT.joinpath(*name.split("."))
    text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8")
    classes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    words = [ast.unparse(base) for found in classes for base in found.bases]
    return any(word.endswith(("Error", "Exception", "Warning")) for word in words)


def errors():
    for name in module_names():
        if defines_an_error(name):
            module = importlib.import_module(name)
            classes = [found for found in vars(module).values() if inspect.isclass(found)]
            own = [found for found in classes if found.__module__ == name]
            yield from (found for found in own if issubclass(found, BaseException))


ERRORS = sorted(set(errors()) - {CommplanError}, key=lambda found: found.__name__)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_the_one_root_and_says_what_a_command_ends_with(error):
    assert issubclass(error, CommplanError)
    stated = [base for base in error.__mro__ if "exit_code" in vars(base)]
    assert stated[0] is not CommplanError, f"{error.__name__} states no exit_code"
    assert error.exit_code in (NO, WRONG_INPUT, BUG)


def test_every_error_is_a_built_in_one_too():
    # `except ValueError` and `except RuntimeError` catch what they always caught.
    built_in = ValueError | RuntimeError | RuntimeWarning
    assert [error for error in ERRORS if not issubclass(error, built_in)] == []


def test_the_errors_are_found():
    assert {"TopologyError", "ExecutionError", "RouteError"} <= {error.__name__ for error in ERRORS}
