"""What a release is made of, built and tried where a user would have it; nothing is published.

`make release` builds the source archive, from that (not from the checkout) a wheel, and a second
wheel as on a computer without a C compiler. It looks at what is in them, installs each into a fresh
environment outside the checkout, and runs there what the README runs. It leaves them in `dist`.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import click

from commplan._version import VERSION
from topologies.model.errors import NO, CommplanError

ROOT = Path(__file__).parents[1]
PACKAGES = ("commplan", "topologies", "solvers", "runtime")
# What a user would miss: types, texts of pages, sources of programs, figures, the licence.
WANTED = (
    *(f"{package}/py.typed" for package in PACKAGES),
    *("commplan/report/page.css", "commplan/report/page.js", "runtime/execute/core.c"),
    *("runtime/execute/floats.c", "commplan/fitting/libraries/", "licenses/LICENSE"),
)
UNWANTED = ("tests/", "bench/", "docs/", "examples/")
SOURCES = ("README.md", "CHANGELOG.md", "LICENSE", "Makefile", "mkdocs.yml", "hatch_build.py")
NO_COMPILER = {"CC": "/bin/false"}
# What is run with each wheel, in an empty folder; `{bin}` is that of the environment.
TRIED = (
    "{bin}/commplan --version",
    "{bin}/commplan doctor",
    "{bin}/commplan compile ring:4 all_reduce -o sum.json",
    "{bin}/commplan verify sum.json",
    "{bin}/commplan run sum.json --size 64KiB",
    "{bin}/commplan report sum.json -o sum.html",
    "{bin}/python -c 'import commplan; print(commplan.__file__)'",
)
LIMIT = 900.0  # seconds for one command


class ReleaseError(CommplanError, RuntimeError):
    """Something that must not be released."""

    exit_code = NO


def wheel_faults(names: Iterable[str], *, compiled: bool) -> Iterator[str]:
    """Say what is missing in a wheel, and what should not be there.

    Args:
        names: of its files.
        compiled: whether it was built where there is a compiler.
    """
    listed = list(names)
    for each in WANTED:
        if not any(each in name for name in listed):
            yield f"{each} is missing"
    for each in UNWANTED:
        if any(name.startswith(each) for name in listed):
            yield f"{each} should not be there"
    for library in ("runtime/execute/libcommplan", "runtime/simulate/libplay"):
        ending = ".so" if compiled else ".txt"
        if library + ending not in listed:
            yield f"{library}{ending} is missing"


def source_faults(names: Iterable[str]) -> Iterator[str]:
    """Say what is missing in a source archive, whose files lie in one folder."""
    listed = {name.partition("/")[2] for name in names}
    for each in (*SOURCES, "runtime/simulate/play.c", "tests/conftest.py", "bench/readme.py"):
        if each not in listed:
            yield f"{each} is missing"


def version_faults(version: str, changes: str) -> Iterator[str]:
    """Say what the changelog does not know of the version, or has twice.

    Args:
        version: the one to be released.
        changes: the text of CHANGELOG.md.
    """
    if not re.search(rf"^## \[(Unreleased|{re.escape(version)})\]", changes, re.MULTILINE):
        yield f"CHANGELOG.md has no heading for {version}"
    lines = [line for line in changes.splitlines() if line.startswith("- ")]
    yield from (
        f"CHANGELOG.md says twice: {line[:60]}" for line in set(lines) if lines.count(line) > 1
    )


def refuse(faults: Iterable[str], what: str) -> None:
    """End where there are faults, with all of them.

    Raises:
        ReleaseError: there are.
    """
    if found := list(faults):
        raise ReleaseError(f"{what}: " + "; ".join(found))
    click.echo(f"right    {what}")


def run(command: Sequence[str], folder: Path, more: dict[str, str] | None = None) -> str:
    """Run a command outside the checkout; give what it printed.

    Raises:
        ReleaseError: it failed.
    """
    start = monotonic()
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    ended = subprocess.run(
        command, cwd=folder, env=clean | (more or {}), capture_output=True, text=True, timeout=LIMIT
    )
    if ended.returncode:
        raise ReleaseError(f"{' '.join(command)}: {(ended.stderr or ended.stdout)[-800:]}")
    click.echo(f"{monotonic() - start:6.1f} s {' '.join(Path(w).name for w in command)[:90]}")
    return ended.stdout


def environment(place: Path, *needed: str) -> Path:
    """Make an environment with some packages; give the folder of its programs."""
    run([sys.executable, "-m", "venv", str(place)], place.parent)
    pip = [str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, *needed], place.parent)
    return place / "bin"


def build(work: Path) -> tuple[Path, Path, Path]:
    """Build the source archive, and of what is in it both wheels; give their paths."""
    tools = environment(work / "tools", "hatchling")
    hatchling = [str(tools / "python"), "-m", "hatchling", "build"]
    run([*hatchling, "-t", "sdist", "-d", str(work / "sdist")], ROOT)
    [archive] = (work / "sdist").glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        refuse(source_faults(packed.getnames()), archive.name)
        packed.extractall(work / "unpacked", filter="data")
    [source] = (work / "unpacked").iterdir()
    wheels = []
    for name, more in (("compiled", {}), ("plain", NO_COMPILER)):
        run([*hatchling, "-t", "wheel", "-d", str(work / name)], source, more)
        [wheel] = (work / name).glob("*.whl")
        with zipfile.ZipFile(wheel) as file:
            refuse(wheel_faults(file.namelist(), compiled=name == "compiled"), wheel.name)
        wheels.append(wheel)
    return archive, wheels[0], wheels[1]


def try_wheel(wheel: Path, work: Path) -> None:
    """Install a wheel into a fresh environment, and use it in an empty folder.

    Raises:
        ReleaseError: something fails, or what is used is not what was installed.
    """
    name = wheel.parent.name
    programs = environment(work / f"env-{name}", f"{wheel}[mpi]")
    folder = work / f"tried-{name}"
    folder.mkdir()
    for line in TRIED:
        said = run(["/bin/sh", "-c", line.format(bin=programs)], folder)
    if str(work) not in said:
        raise ReleaseError(f"imported {said.strip()}, which is not what was installed")


def _release(readme: bool) -> None:
    """Build, look, try, and leave in `dist`."""
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    refuse(version_faults(VERSION, changes), "version and changelog")
    with TemporaryDirectory() as folder:
        work = Path(folder)
        archive, compiled, plain = build(work)
        for wheel in (compiled, plain):
            try_wheel(wheel, work)
        if readme:
            place = work / "readme"
            shutil.copytree(ROOT / "bench", place / "bench")
            shutil.copy(ROOT / "README.md", place)
            programs = work / "env-compiled" / "bin"
            run([str(programs / "python"), "-m", "bench.readme", "README.md"], place)
        target = ROOT / "dist"
        target.mkdir(exist_ok=True)
        for made in (archive, compiled, plain):
            shutil.copy(made, target)
            digest = hashlib.sha256(made.read_bytes()).hexdigest()
            click.echo(f"{made.stat().st_size / 1e6:6.2f} MB {made.name} sha256:{digest[:16]}")


@click.command()
@click.option("--readme", is_flag=True, help="Run the commands of the README with the wheel too.")
def main(readme: bool) -> None:
    """Build, check and try what a release is made of; publish nothing."""
    try:
        _release(readme)
    except ReleaseError as error:
        raise click.ClickException(str(error)) from None
    click.echo("left in dist; nothing is published")


if __name__ == "__main__":
    main()
