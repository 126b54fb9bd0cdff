"""Run the README and pages of docs: every block in order, and compare with what is printed there.

`python -m bench.readme` runs all commands and shows what differs; `--update` writes what they print
today into the pages. `...` stands for lines that are left out. Seconds and memory spent, and what
was measured, are not compared: they are replaced by `#`, but written anew by `--update`.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from pathlib import Path
from tempfile import TemporaryDirectory

import click

README = Path(__file__).parents[1] / "README.md"
# The pages of docs whose commands run as they stand there, in an empty folder.
DOCS = (
    "compiling.md",
    "concepts.md",
    "cookbook.md",
    "exchanging.md",
    "expectations.md",
    "experts.md",
    "fabric.md",
    "failures.md",
    "frameworks.md",
    "in-network.md",
    "job.md",
    "library.md",
    "selecting.md",
    "sizes.md",
    "start.md",
    "topologies.md",
)
PAGES = (README, *(README.parent / "docs" / name for name in DOCS))
# What takes more than a few seconds and is not run by the tests.
EXPENSIVE = ("--sizes 1KiB:1GiB", "star:384", "dgx-a100:boxes=4:overhead=0.5")
SECONDS = 300.0  # for one command
SKIPPED = "..."
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w.-]+\.(?:toml|json|csv|txt))`:\s*$")
# Lines whose figures differ from run to run: by their command ("" for all), and how they begin.
_MEASURED = (
    ("", re.compile(r"\s*(spent|complete,|measured) ")),
    ("run", re.compile(r"\s*(algbw|busbw) ")),
    ("fabric", re.compile(r"\s*(ranks|rates|latency|measured|predicted|bound|traffic) ")),
)


@dataclass(frozen=True)
class Block:
    """A block of the README: its language, its text, and where the text begins.

    Attributes:
        file: its name.
    """

    language: str
    text: str
    start: int
    file: str

    @property
    def calls(self) -> tuple["Call", ...]:
        """Give the commands after `$`, each with what is printed below it."""
        parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
        split = (part.splitlines() for part in parts)
        return tuple(Call(lines[0], tuple(lines[1:])) for lines in split)


@dataclass(frozen=True)
class Call:
    """A command as it is written, and what the README says that it prints."""

    command: str
    printed: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """Split the command as a shell does."""
        return shlex.split(self.command)


def blocks(text: str) -> list[Block]:
    """List the blocks of a text in Markdown; a file is named by the end of what stands before."""
    found = []
    for match in _BLOCK.finditer(text):
        file = _FILE.search(text[: match.start()].rstrip())
        found.append(Block(match[1], match[2], match.start(2), file[1] if file else ""))
    return found


def write_files(text: str, folder: Path) -> None:
    """Write the files that a text shows."""
    for block in blocks(text):
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")


def run(call: Call, folder: Path) -> list[str]:
    """Run a command of commplan in a folder; give the lines it prints, answer and errors."""
    first, *words = call.words
    assert first == "commplan", call.command
    ended = subprocess.run(
        [sys.executable, "-m", "commplan", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    return [line.rstrip() for line in (ended.stdout + ended.stderr).splitlines()]


def mask(call: Call, line: str) -> str:
    """Replace figures that differ from run to run."""
    kind = call.words[1] if len(call.words) > 1 else ""
    if any(what in ("", kind) and begins.match(line) for what, begins in _MEASURED):
        line = re.sub(r"\d[\d.,]*( (ns|us|ms|s|MB|GB|KB)\b)?", "#", line)
    return re.sub(r" +", " ", line.rstrip())


def differences(call: Call, found: Sequence[str]) -> list[str]:
    """Give what differs between a command's lines and those of the README, as a diff."""
    wanted = [mask(call, line) for line in call.printed]
    told = [mask(call, line) for line in shape(call, found)]
    return list(unified_diff(wanted, told, "page", call.command, lineterm=""))


def shape(call: Call, found: Sequence[str]) -> list[str]:
    """Leave out of a command's lines what the README leaves out; what is kept is most like it."""
    rows: list[str] = []
    place = 0
    parts = _parts(call.printed)
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if i == 0:
            start, end = 0, len(found) if last else len(part)
        else:
            start = _best(part, found, place)
            end = len(found) if last and part else start + len(part)
        rows += ([_left_out(call, i)] if i else []) + list(found[start:end])
        place = end
    return rows


def _left_out(call: Call, number: int) -> str:
    """Give the line of the README that stands for what is left out."""
    return [line for line in call.printed if line.strip() == SKIPPED][number - 1]


def _parts(lines: Sequence[str]) -> list[list[str]]:
    """Split lines at those that stand for others."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == SKIPPED:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _best(part: Sequence[str], found: Sequence[str], place: int) -> int:
    """Find from a place on where lines are most like some."""
    starts = range(place, max(len(found) - len(part), place) + 1)

    def alike(start: int) -> float:
        pairs = zip(part, found[start : start + len(part)], strict=False)
        return sum(SequenceMatcher(None, a, b).ratio() for a, b in pairs)

    return max(starts, key=alike)


def check(
    text: str, folder: Path, without: Sequence[str] = (), only: str = ""
) -> Iterator[tuple[Call, list[str]]]:
    """Run all commands of a text in order; give each with the lines it printed.

    Args:
        text: with blocks of commands.
        folder: where they run.
        without: first words of commands of commplan that are left out, such as fabric.
        only: what stands in those that are run.
    """
    write_files(text, folder)
    for block in blocks(text):
        for call in block.calls:
            ours = call.words[0] == "commplan" and call.words[1] not in without
            if ours and only in call.command:
                yield call, run(call, folder)


def write_outputs(text: str, call: Call, found: Sequence[str]) -> str:
    """Put what a command prints today in the place of what is printed."""
    before = "\n".join([f"$ {call.command}", *call.printed])
    after = "\n".join([f"$ {call.command}", *shape(call, found)])
    return text.replace(before, after, 1)


def check_page(page: Path, *, update: bool, without: Sequence[str], only: str) -> int:
    """Run a page and show what differs; write it anew where asked; give how many differ."""
    text = page.read_text(encoding="utf-8")
    new, wrong = text, 0
    with TemporaryDirectory() as folder:
        for call, found in check(text, Path(folder), without, only):
            differing = differences(call, found)
            wrong += bool(differing)
            click.echo(f"{'differs' if differing else 'right':8}{page.name}: {call.command}")
            click.echo("\n".join(differing), nl=bool(differing))
            if differing or update:
                new = write_outputs(new, call, found)
    if update:
        page.write_text(new, encoding="utf-8")
    return wrong


@click.command()
@click.argument("pages", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--update", is_flag=True, help="Write what is printed today into the pages.")
@click.option("--without", multiple=True, help="Leave out a command, such as fabric; repeatable.")
@click.option("--only", default="", help="Run only commands with this in them.")
def main(pages: tuple[Path, ...], update: bool, without: tuple[str, ...], only: str) -> None:
    """Run the README and pages of docs, show what differs, and exit with 1 if something does."""
    wrong = sum(check_page(p, update=update, without=without, only=only) for p in pages or PAGES)
    click.echo(f"{wrong} differ" + (", written anew" if update and wrong else ""))
    sys.exit(wrong > 0 and not update)


if __name__ == "__main__":
    main()
