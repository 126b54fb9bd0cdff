"""The errors of the house: one root, and an exit code of each."""

import ast
import importlib
import pickle
import traceback
from importlib.util import find_spec
from pathlib import Path

import pytest

import commplan.library
from topologies.model.errors import BUG, NO, WRONG_INPUT, CommplanError

ROOT = Path(__file__).parent.parent
FLOORS = ("topologies", "solvers", "runtime", "commplan", "bench")
# Public errors that are answers, and called so.
ANSWERS = ("Infeasible", "NotFound", "WrongSchedule")
EXTRAS = ("torch", "jax")  # whose errors are looked at where they are installed
# Written into emitted programs, which know nothing of commplan.
EMITTED = ROOT / "runtime" / "emit" / "in_python"


def module_names():
    """Name every module that can be imported, those of optional extras too."""
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            if not path.is_relative_to(EMITTED) and path.name != "__main__.py":
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def classes_of_errors(name):
    """Tell from the text alone, as a module of an extra that is not there cannot be imported."""
    path = ROOT.joinpath(*name.split("."))
    text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8")
    for node in ast.walk(ast.parse(text)):
        words = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
        if any(word.endswith(("Error", "Exception", "Warning")) for word in words):
            yield node.name


def errors():
    for name in module_names():
        extra = name.split(".")[1:2]
        if extra in (["torch"], ["jax"]) and find_spec(extra[0]) is None:
            continue
        for error in classes_of_errors(name):
            try:
                yield getattr(importlib.import_module(name), error)
            except ModuleNotFoundError as missing:
                if missing.name not in EXTRAS:
                    raise


def below(error):
    for child in error.__subclasses__():
        yield from (child, *below(child))


WRITTEN = set(errors()) - {CommplanError}
ERRORS = sorted(
    WRITTEN | set(below(CommplanError)) - {CommplanError}, key=lambda found: found.__name__
)
PUBLIC = [name for name in commplan.library.__all__ if name.endswith(("Error", *ANSWERS))]


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


@pytest.mark.parametrize("name", PUBLIC)
def test_public_errors_print_as_what_a_user_can_import(name):
    error = getattr(commplan, name)
    assert issubclass(error, commplan.CommplanError)
    assert repr(error) == f"<class 'commplan.{name}'>"
    assert pickle.loads(pickle.dumps(error)) is error


def test_a_traceback_ends_with_a_public_name():
    lines = traceback.format_exception_only(commplan.Infeasible("no way"))
    assert lines == ["commplan.Infeasible: no way\n"]


def test_every_public_error_is_listed():
    found = [getattr(commplan, name) for name in commplan.library.__all__]
    public = {each.__name__ for each in found if each in ERRORS}
    assert public | {"CommplanError"} == set(PUBLIC)
