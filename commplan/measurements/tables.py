"""Tables as nccl-tests, rccl-tests, hccl_test and the OSU micro-benchmarks print them."""

import re
from collections.abc import Iterator, Sequence

from commplan.measurements.rows import Context, Measured, figure, measured, name_of

MOST_TAG = 200  # characters that a launcher puts before each line
_NCCL_HEAD = re.compile(r"#\s+size\s+count\s.*\btime\b")
_HCCL_HEAD = re.compile(r"data_size\W.*av(eg|e|g|erage)_time")
_RANK = re.compile(r"#\s+Rank\s+\d+\s")
_NAMED = re.compile(r"(?:Collective test (?:starting|concluded):\s*|\b)(\w{4,40})_(?:perf|test)\b")
# What the benchmarks of this project write above their tables.
_OURS = re.compile(r"# (\w+) on .*, (\d{1,7}) processes")
_OSU = re.compile(r"#\s*OSU MPI(?:-\w+)?\s+(.+?)\s+(Latency|Bandwidth)?\s*Test")
OSU_BLOCKS = frozenset({"all_gather", "all_to_all", "gather", "scatter"})


def is_nccl(text: str) -> bool:
    """Tell whether a text has the head of nccl-tests, which rccl-tests share."""
    return _NCCL_HEAD.search(text) is not None


def is_hccl(text: str) -> bool:
    """Tell whether a text has the head of hccl_test."""
    return _HCCL_HEAD.search(text) is not None


def is_osu(text: str) -> bool:
    """Tell whether a text has the head of an OSU benchmark."""
    return _OSU.search(text) is not None


def read_nccl(text: str, given: Context) -> Iterator[Measured]:
    """Read the times out of place, or those in place where there are no others.

    Results that were wrong count in either place.

    Raises:
        ValueError: with the line that is cut off, or what the log does not say.
    """
    name, ranks = _described(text, given)
    if given.ranks is None:
        listed = (line for _, line in _lines(text, _NCCL_HEAD))
        ranks = sum(1 for line in listed if _RANK.match(line)) or ranks
    times: list[int] = []
    checks: list[int] = []
    for number, line in _lines(text, _NCCL_HEAD):
        words = line.split()
        if _NCCL_HEAD.match(line):
            times, checks = (
                [i for i, word in enumerate(words[1:]) if word == head]
                for head in ("time", "#wrong")
            )
        if not times or len(words) < 2 or not (words[0].isdecimal() and words[1].isdecimal()):
            continue
        if len(words) <= times[0]:
            raise ValueError(f"line {number}: cut off after {len(words)} words")
        found = next((i for i in times if i < len(words) and words[i] != "N/A"), times[0])
        micro = figure(number, words[found], "time in us")
        size, wrong = figure(number, words[0], "size"), _count_wrong(number, words, checks)
        yield measured(number, name, ranks, size, micro * 1e-6, wrong)


def _count_wrong(number: int, words: Sequence[str], places: Sequence[int]) -> float:
    """Add up the elements that were wrong, where results were checked."""
    told = [words[place] for place in places if place < len(words)]
    return sum(figure(number, word, "#wrong") for word in told if word != "N/A")


def read_hccl(text: str, given: Context) -> Iterator[Measured]:
    """Read the mean times of hccl_test.

    Raises:
        ValueError: as `read_nccl`.
    """
    name, ranks = _described(text, given)
    for number, line in _lines(text, _HCCL_HEAD):
        cells = [cell.strip() for cell in line.split("|")]
        if not cells[0].isdecimal():
            continue
        if len(cells) < 2:
            raise ValueError(f"line {number}: cut off after the size")
        micro = figure(number, cells[1], "time in us")
        size, wrong = figure(number, cells[0], "size"), "fail" in line.lower()
        yield measured(number, name, ranks, size, micro * 1e-6, wrong)


def read_osu(text: str, given: Context) -> Iterator[Measured]:
    """Read the mean latencies of an OSU benchmark; its sizes may be those of a block.

    Raises:
        ValueError: as `read_nccl`, or a test of two processes.
    """
    name, ranks = _described(text, given)
    head = _OSU.search(text)
    own = name_of(head[1]) if head else None
    if head and own is None and given.collective is None:
        raise ValueError(f"OSU's {head[1]} test, expected one of a collective")
    name = given.collective or own or name
    for number, line in _lines(text, _OSU):
        words = line.split()
        if len(words) == 1 and words[0].isdecimal():
            raise ValueError(f"line {number}: cut off after the size")
        if len(words) < 2 or not words[0].isdecimal():
            continue
        times = (ranks or 1) if name in OSU_BLOCKS else 1
        micro = figure(number, words[1], "latency in us")
        size = figure(number, words[0], "size") * times
        wrong = words[-1].lower().startswith("fail")
        yield measured(number, name, ranks, size, micro * 1e-6, wrong)


def _lines(text: str, head: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """List the lines, without what stands before the head, where it stands before others too.

    That is what mpirun, srun, pdsh or a cluster puts there: its numbers may be others.
    """
    tag = _tag(text, head)
    for number, line in enumerate(text.splitlines(), start=1):
        yield number, tag.sub("", line, count=1).strip()


def _tag(text: str, head: re.Pattern[str]) -> re.Pattern[str]:
    found = head.search(text)
    before = text[: found.start()].rpartition("\n")[2].rstrip() if found else ""
    parts = re.split(r"[0-9]+", before[:MOST_TAG])
    return re.compile(r"^\s*" + "[0-9]+".join(map(re.escape, parts)) if before else r"^(?!)")


def _described(text: str, given: Context) -> tuple[str | None, int | None]:
    """Find which collective a log is of, and of how many ranks, if it says so."""
    ours = _OURS.search(text)
    if ours and name_of(ours[1]):
        return given.collective or name_of(ours[1]), given.ranks or int(ours[2])
    named = (name_of(found[1]) for found in _NAMED.finditer(text))
    found = next((name for name in named if name), given.guess)
    return given.collective or found, given.ranks or given.everyone
