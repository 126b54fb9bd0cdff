"""Build the core in C where there is a compiler; leave the reason where there is none."""

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("runtime", "execute")
LIBRARY, REASON = "libcommplan.so", "libcommplan.txt"
# No contraction of a * b + c: the core's sums and products are those of numpy, bit for bit.
FLAGS = ("-O3", "-std=c11", "-fPIC", "-shared", "-ffp-contract=off")


class CoreHook(BuildHookInterface[Any]):
    """Adds the core to a wheel, which then is one for this platform only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the core, or write down why not."""
        folder = Path(self.root) / FOLDER
        for name in (LIBRARY, REASON):
            (folder / name).unlink(missing_ok=True)
        reason = _compiled(folder / "core.c", folder / LIBRARY)
        if reason:
            (folder / REASON).write_text(f"{reason}\n", encoding="utf-8")
        else:
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append(str(FOLDER / (REASON if reason else LIBRARY)))


def _compiled(source: Path, library: Path) -> str:
    """Compile; give the reason where that cannot be done, nothing where it was."""
    wanted = shlex.split(os.environ.get("CC", ""))
    found = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), "")
    command = wanted or ([found] if found else [])
    if not command:
        return "no C compiler was found at install (cc, gcc, clang, or CC)"
    try:
        done = subprocess.run(
            [*command, *FLAGS, "-o", str(library), str(source)],
            capture_output=True,
            text=True,
            timeout=300,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]} did not end well at install: {error}"
    if done.returncode:
        library.unlink(missing_ok=True)
        said = next((line for line in done.stderr.splitlines() if "error" in line), "no reason")
        return f"{command[0]} failed at install: {said.strip()}"
    return ""
