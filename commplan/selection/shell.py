"""Lines of a shell that let programs load a file."""

import os
import shlex


def export(variable: str, value: str) -> str:
    """Write the line that sets a variable."""
    return f"export {variable}={value}"


def absolute(path: str) -> str:
    """Write a path that holds in every folder; the shell puts in where it is."""
    return shlex.quote(path) if os.path.isabs(path) else f'"$PWD"/{shlex.quote(path)}'
