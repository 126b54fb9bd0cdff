"""What the commands of README and docs cost: CPU seconds, the median of several runs of each.

Bytecode is kept, as an installed package has its own: where PYTHONDONTWRITEBYTECODE is set, each
command compiles all sources anew, a fifth of a second. With `--beside PATH` those of another
checkout of commplan, which has its own .venv, run in turns with them: the ratio says what has
become slower, on a busy computer too.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from bench.readme import PAGES, SECONDS, Call, blocks, write_files


def list_calls(text: str, only: str = "") -> list[Call]:
    """List the commands of commplan in a text, but for those of an emulated machine."""
    found = [call for block in blocks(text) for call in block.calls]
    ours = [call for call in found if call.words[:1] == ["commplan"] and call.words[1] != "fabric"]
    return [call for call in ours if only in call.command]


def spend(python: Path | str, call: Call, folder: Path) -> float:
    """Run a command in a folder; give the CPU seconds of it and of all that it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(python), "-m", "commplan", *call.words[1:]]
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    kept["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, env=kept
    )
    if ended.returncode:
        raise click.ClickException(f"{call.command}: {ended.stderr.strip()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(pythons: Sequence[Path | str], call: Call, folders: Sequence[Path], times: int) -> str:
    """Run a command in turns by several Pythons, once before it counts; give its line."""
    spent = [
        [spend(*each) for each in zip(pythons, [call] * len(pythons), folders, strict=True)]
        for _ in range(times + 1)
    ]
    medians = [median(column) for column in zip(*spent[1:], strict=True)]
    figures = [f"{seconds:8.2f}" for seconds in medians]
    figures += [f"{medians[0] / other:7.2f}" for other in medians[1:]]
    return " ".join([*figures, "", call.command])


@click.command()
@click.option("--times", default=5, show_default=True, help="Runs of each command.")
@click.option("--only", default="", help="Run only commands with this in them.")
@click.option("--beside", type=click.Path(exists=True, path_type=Path), help="Another checkout.")
def main(times: int, only: str, beside: Path | None) -> None:
    """Print the CPU seconds of each command of the pages, and how many times those of another."""
    others = [] if beside is None else [beside.resolve() / ".venv/bin/python"]
    pythons: list[Path | str] = [sys.executable, *others]
    click.echo("    here " + "   other   ratio " * len(others) + " command")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        with TemporaryDirectory() as one, TemporaryDirectory() as other:
            folders = [Path(one), Path(other)][: len(pythons)]
            for folder in folders:
                write_files(text, folder)
            for call in list_calls(text, only):
                click.echo(measure(pythons, call, folders, times))


if __name__ == "__main__":
    main()
