"""Break files of each import format at random, and see that each is read or refused in one line.

`python -m bench.broken_imports --count 10000` prints for each format how many mutated files were
read and refused, the longest processor time of one, and the peak of memory. Exit code 1 where one
ended otherwise, was not done in time, or was refused in several lines; it is kept, and named.
"""

import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from time import process_time
from types import FrameType

import click
import numpy as np

from bench import verdict
from topologies.importers.importing import import_files
from topologies.importers.registry import AUTO, IMPORTERS
from topologies.model.topology import TopologyError

SAMPLES = Path(__file__).parent / "data" / "imports"
PATIENCE = 10  # seconds of processor time for one file
WORDS = (
    *(
        b"",
        b" ",
        b"\0",
        b'"',
        b"'",
        b"\\",
        b"\n",
        b"\t",
        b"\x1b[2J",
        b"<",
        b">",
        b"&x;",
        b"{",
        b"[",
    ),
    *(b"]", b"}", b":", b",", b"=", b"-1", b"0", b"99999999999999999999", b"1e999", b"X"),
    *("\u202e".encode(), b"\xff\xfe", b"[0-999999999]", b"<!ENTITY a 'b'>", b"&a;"),
    *(b"nan", b"*a", b"&a x", b"&#0;"),
)

Draw = np.random.Generator


@dataclass
class Tally:
    """What became of the files of a format."""

    ended: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    faults: list[str] = field(default_factory=list)


def mutate(data: bytes, draw: Draw) -> bytes:
    """Change a file in one, two or four places."""
    for _ in range(draw.choice([1, 1, 2, 4])):
        data = CHANGES[draw.integers(len(CHANGES))](data, draw)
    return data


def _place(data: bytes, draw: Draw, most: int = 200) -> tuple[int, int]:
    """Choose a stretch of a file."""
    begin = int(draw.integers(len(data) + 1))
    return begin, min(len(data), begin + int(draw.integers(1, most)))


def _cut(data: bytes, draw: Draw) -> bytes:
    return data[: _place(data, draw)[0]]


def _drop(data: bytes, draw: Draw) -> bytes:
    begin, end = _place(data, draw)
    return data[:begin] + data[end:]


def _repeat(data: bytes, draw: Draw) -> bytes:
    begin, end = _place(data, draw, 1000)
    return data[:begin] + data[begin:end] * int(draw.choice([2, 3, 30])) + data[end:]


def _write_over(data: bytes, draw: Draw) -> bytes:
    begin, end = _place(data, draw, 12)
    return data[:begin] + WORDS[draw.integers(len(WORDS))] + data[end:]


def _insert(data: bytes, draw: Draw) -> bytes:
    begin, _ = _place(data, draw)
    return data[:begin] + WORDS[draw.integers(len(WORDS))] + data[begin:]


def _change_number(data: bytes, draw: Draw) -> bytes:
    places = [i for i, byte in enumerate(data) if 48 <= byte <= 57]
    if not places:
        return data
    place = places[draw.integers(len(places))]
    new = (b"", b"0", b"7", b"9999999", b"-3", b"0.5", b"4294967296")[draw.integers(7)]
    return data[:place] + new + data[place + 1 :]


def _swap_lines(data: bytes, draw: Draw) -> bytes:
    lines = data.split(b"\n")
    one, other = draw.integers(len(lines), size=2)
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


CHANGES: tuple[Callable[[bytes, Draw], bytes], ...] = (
    *(_cut, _drop, _repeat, _write_over, _insert, _change_number, _change_number, _swap_lines),
)


class SlowError(TopologyError):
    """A file that is not done when it should be."""


def _stop(number: int, frame: FrameType | None) -> None:
    raise SlowError(["not done"])


def read(path: Path, form: str, tally: Tally) -> None:
    """Read a file as a user does, and note what became of it."""
    begun = process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        import_files([str(path)], form)
        ended = "read"
    except SlowError:
        ended = f"not done after {PATIENCE} s"
    except TopologyError as error:
        ended = "refused" if len(error.faults) == 1 else f"refused in {len(error.faults)} lines"
        if not error.faults[0].isprintable():
            ended = "refused with what is not printable"
    except Exception as error:
        ended = f"{type(error).__name__}: {error}"[:100]
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    tally.longest = max(tally.longest, process_time() - begun)
    tally.ended[ended if ended in ("read", "refused") else "wrong"] += 1
    if ended not in ("read", "refused"):
        kept = path.with_name(f"{path.name}.{len(tally.faults)}")
        kept.write_bytes(path.read_bytes())
        tally.faults.append(f"{kept} as {form}: {ended}")


def samples(form: str) -> list[bytes]:
    """List the sample files of a format."""
    found = []
    for path in sorted(SAMPLES.iterdir()):
        text = path.read_text(encoding="utf-8")
        if next((name for name, each in IMPORTERS.items() if each.sniff(text)), None) == form:
            found.append(path.read_bytes())
    return found


def tried(form: str, count: int, seed: int, folder: Path) -> Tally:
    """Read so many mutated files of a format."""
    signal.signal(signal.SIGVTALRM, _stop)
    tally = Tally()
    originals = samples(form)
    for number in range(count):
        draw = np.random.default_rng([seed, number])
        data = mutate(originals[number % len(originals)], draw)
        path = folder / f"{form}-{number % 2}"
        path.write_bytes(data)
        read(path, form if number % 4 else AUTO, tally)
    return tally


def _lines(form: str, tally: Tally) -> Iterator[str]:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    counts = ", ".join(f"{tally.ended[word]} {word}" for word in ("read", "refused", "wrong"))
    yield f"{form:16} {counts}, at most {tally.longest:.2f} s of one, {memory:.0f} MB"
    yield from tally.faults[:10]


@click.command()
@click.option("--count", default=1000, show_default=True, help="Mutated files of each format.")
@click.option("--seed", default=1, show_default=True)
@click.option("--format", "forms", multiple=True, help="Only these formats.")
def main(count: int, seed: int, forms: tuple[str, ...]) -> None:
    """Break files of each format."""
    folder = Path(mkdtemp(prefix="broken-imports-"))
    faults = []
    for form in forms or IMPORTERS.names():
        tally = tried(form, count, seed, folder)
        print(*_lines(form, tally), sep="\n", flush=True)
        faults += tally.faults
    verdict.ended(faults)


if __name__ == "__main__":
    main()
