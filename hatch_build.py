"""Build what is in C where there is a compiler; leave the reason where there is none."""

import os
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Each library and what it is made of; a text of the same name says why there is none.
PLAY = ("play.c", "messages.c", "queues.c", "flows.c", "share.c")
LIBRARIES = (
    (Path("runtime", "execute", "libcommplan.so"), ("core.c",)),
    (Path("runtime", "simulate", "libplay.so"), PLAY),
)
# No contraction of a * b + c: the core's sums and products are those of numpy, bit for bit.
FLAGS = ("-O3", "-std=c11", "-fPIC", "-shared", "-ffp-contract=off")


class CoreHook(BuildHookInterface[Any]):
    """Adds the libraries to a wheel, which then is one for this platform only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the libraries, or write down why not."""
        for library, sources in LIBRARIES:
            built = _built(Path(self.root) / library, sources)
            build_data["artifacts"].append(str(library.with_name(built)))
            if built == library.name:
                platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
                build_data["pure_python"] = False
                build_data["tag"] = f"py3-none-{platform}"


def _built(library: Path, sources: Sequence[str]) -> str:
    """Build one library; give the name of what there is now, it or the reason why it is not."""
    reason = library.with_suffix(".txt")
    for old in (library, reason):
        old.unlink(missing_ok=True)
    if not (said := _compiled([library.with_name(name) for name in sources], library)):
        return library.name
    reason.write_text(f"{said}\n", encoding="utf-8")
    return reason.name


def _compiled(sources: Sequence[Path], library: Path) -> str:
    """Compile; give the reason where that cannot be done, nothing where it was."""
    wanted = shlex.split(os.environ.get("CC", ""))
    found = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), "")
    command = wanted or ([found] if found else [])
    if not command:
        return "no C compiler was found at install (cc, gcc, clang, or CC)"
    try:
        done = subprocess.run(
            [*command, *FLAGS, "-o", str(library), *map(str, sources)],
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
