"""Measurements in a file, launch by launch: each mpirun is a sample of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import msgspec
import numpy as np

from runtime.calibrate.readings import Pair, Pairs, Ping, Reading
from topologies.formats import atomic
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.messages import one_line

FORMAT = "commplan/measurements/1"
SIZE_LIMIT = 50 * 10**6  # bytes of a file
MOST = 1e30  # seconds and bytes per second are below


class LaunchesError(CommplanError, ValueError):
    """A file that does not hold measurements of these ranks, or cannot be read or written."""

    exit_code = WRONG_INPUT


@dataclass(frozen=True)
class Launch:
    """What was measured between the start of an MPI job and its end.

    Attributes:
        rounds: by the pairs of a round, what each flow carried, pass by pass: bytes per second.
    """

    pings: Mapping[Pair, Ping]
    rounds: Mapping[Pairs, Sequence[Sequence[float]]]


class _Round(msgspec.Struct, forbid_unknown_fields=True):
    pairs: list[Pair]
    rates: list[list[float]]


class _Launch(msgspec.Struct, forbid_unknown_fields=True):
    pings: list[tuple[int, int, float, float, float]]
    rounds: list[_Round]


class File(msgspec.Struct, forbid_unknown_fields=True):
    """What a file holds."""

    format: str
    ranks: list[str]
    launches: list[_Launch]


def readings(launches: Sequence[Launch]) -> list[Reading]:
    """List all rounds of launches, numbered from 1; the launch under way has number 0."""
    return [
        Reading(pairs, np.array(rates), number)
        for number, launch in enumerate(launches, 1)
        for pairs, rates in launch.rounds.items()
    ]


def join_pings(launches: Sequence[Launch]) -> dict[Pair, Ping]:
    """Take the median over the launches, figure by figure, of each pair."""
    pairs = dict.fromkeys(pair for launch in launches for pair in launch.pings)
    return {
        pair: Ping(
            *(
                median(values)
                for values in zip(
                    *(launch.pings[pair] for launch in launches if pair in launch.pings),
                    strict=True,
                )
            )
        )
        for pair in pairs
    }


def load(path: atomic.Name, names: Sequence[str]) -> list[Launch]:
    """Read the launches of a file; none where there is no such file yet.

    Args:
        path: of the file.
        names: of the ranks that it must be about.

    Raises:
        LaunchesError: it cannot be read, is damaged, or is about other ranks.
    """
    try:
        found = msgspec.json.decode(atomic.read(path, SIZE_LIMIT), type=File)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LaunchesError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise LaunchesError(f"{path}: {one_line(str(error)).lower()}") from None
    if found.format != FORMAT:
        raise LaunchesError(f"{path}: format is {found.format[:40]!r}, expected {FORMAT!r}")
    if found.ranks != list(names):
        raise LaunchesError(f"{path}: measured between other ranks than those of this job")
    for number, launch in enumerate(found.launches):
        _check(f"{path}: launches[{number}]", launch, len(names))
    return [_from_file(launch) for launch in found.launches]


def _check(place: str, launch: _Launch, ranks: int) -> None:
    """Refuse figures that nothing can have measured.

    Raises:
        LaunchesError: with the place of the first one.
    """
    for i, row in enumerate(launch.pings):
        if not _is_pair(row[:2], ranks) or not all(0 <= figure < MOST for figure in row[2:]):
            raise LaunchesError(f"{place}.pings[{i}]: {list(row)}, expected two ranks, and figures")
    for i, each in enumerate(launch.rounds):
        alike = all(len(rates) == len(each.pairs) for rates in each.rates)
        right = all(0 <= rate < MOST for rates in each.rates for rate in rates)
        if not (each.pairs and each.rates and alike and right):
            raise LaunchesError(f"{place}.rounds[{i}]: expected a rate of each pair, in each pass")
        if not all(_is_pair(pair, ranks) for pair in each.pairs):
            raise LaunchesError(f"{place}.rounds[{i}]: expected pairs of the {ranks} ranks")


def _is_pair(pair: Sequence[int], ranks: int) -> bool:
    return pair[0] != pair[1] and all(0 <= rank < ranks for rank in pair)


def _from_file(launch: _Launch) -> Launch:
    pings = {(src, dst): Ping(*figures) for src, dst, *figures in launch.pings}
    return Launch(pings, {tuple(each.pairs): each.rates for each in launch.rounds})


def save(path: atomic.Name, names: Sequence[str], launches: Sequence[Launch]) -> None:
    """Write launches into a file, whole or not at all.

    Raises:
        LaunchesError: it cannot be written.
    """
    rows = [
        _Launch(
            [(*pair, *ping) for pair, ping in launch.pings.items()],
            [
                _Round(list(pairs), [list(rates) for rates in passes])
                for pairs, passes in launch.rounds.items()
            ],
        )
        for launch in launches
    ]
    try:
        atomic.write(path, msgspec.json.encode(File(FORMAT, list(names), rows)) + b"\n")
    except OSError as error:
        raise LaunchesError(f"{path}: {(error.strerror or str(error)).lower()}") from None
