"""Whether the packages that Python finds under our generic names are really ours."""

from importlib.util import find_spec
from pathlib import Path

FLOORS = ("topologies", "solvers", "runtime")


def check() -> None:
    """Look for each floor beside this package, without running any code of it.

    Raises:
        ImportError: another package or module of that name comes first on the path.
    """
    home = Path(__file__).parent.parent
    for name in FLOORS:
        found = _place(name)
        expected = home / name / "__init__.py"
        if found is None:
            raise ImportError(f"commplan: the package {name} is missing, expected {expected}")
        if not expected.exists() or not found.samefile(expected):
            raise ImportError(
                f"commplan: {found} shadows commplan's own package {name}, {expected.parent}"
            )


def _place(name: str) -> Path | None:
    """Give the file that `import name` would run, or the folder of a package without one."""
    spec = find_spec(name)
    if spec is None:
        return None
    if spec.origin is not None:
        return Path(spec.origin)
    return next((Path(folder) for folder in spec.submodule_search_locations or ()), None)
