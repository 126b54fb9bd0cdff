"""Lines of a shell that let programs load a file."""

import os
import shlex
from collections.abc import Mapping


def export(variables: Mapping[str, str], path: str) -> str:
    """Write the line that sets variables; the path among them holds in every folder."""
    words = (
        f"{name}={_absolute(path) if value == path else shlex.quote(value)}"
        for name, value in variables.items()
    )
    return f"export {' '.join(words)}"


def _absolute(path: str) -> str:
    """Write a path from the root; where it is not, the shell puts in where it is."""
    return shlex.quote(path) if os.path.isabs(path) else f'"$PWD"/{shlex.quote(path)}'
