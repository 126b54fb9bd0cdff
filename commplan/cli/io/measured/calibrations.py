"""What was calibrated, as lines and as fields."""

from collections.abc import Iterator

from commplan.cli.io.quantities import percent
from runtime.calibrate.calibrate import Calibration
from runtime.calibrate.figures import ALIKE, Class
from topologies.model.units import Seconds, count_of, duration, rate

MOST_NAMES = 6  # links that are listed in one line


def calibration_fields(found: Calibration, given: bool, took: Seconds) -> dict[str, object]:
    """Give all that was found; given: whether a topology was."""
    return {
        "name": found.topology.name,
        "ranks": found.topology.ranks,
        "classes": [_class_fields(found, each, given) for each in found.classes],
        "overhead_us": found.overhead * 1e6,
        "slower": [_name(found, cable) for cable in _slower(found)] if given else [],
        "unseen": [_name(found, c) for each in _unseen(found) for c in each.cables],
        "rounds": found.rounds,
        "outliers": found.outliers,
        "launches": found.launches,
        "off": found.off,
        "seconds": took,
    }


def _class_fields(found: Calibration, each: Class, given: bool) -> dict[str, object]:
    measured = each.rate
    return {
        "name": each.name,
        "bandwidth_GBps": each.used / 1e9,
        "latency_us": None if each.alpha is None else each.alpha * 1e6,
        "low": None if measured is None else measured.low / 1e9,
        "high": None if measured is None else measured.high / 1e9,
        "stated_GBps": each.stated / 1e9 if given else None,
        "links": [_name(found, cable) for cable in each.cables],
        "filled": each.filled,
        "values": 0 if measured is None else measured.values,
    }


def calibration_lines(found: Calibration, given: bool, took: Seconds, output: str) -> Iterator[str]:
    """Write what was measured, class by class, and what is to be looked at."""
    ranks = count_of(found.topology.ranks, "rank")
    yield f"{found.topology.name}: {ranks}, measured in {duration(took)}, written to {output}"
    width = max(len(each.name) for each in found.classes)
    for each in found.classes:
        yield f"  {each.name:{width}}  {_class_line(each, given)}"
    yield f"  overhead {duration(found.overhead)} for each message at either end"
    rounds, outliers = count_of(found.rounds, "round"), count_of(found.outliers, "outlier")
    launches, off = count_of(found.launches, "launch"), percent(found.off)
    yield f"  {launches}, {rounds}, {outliers}; flows together off by {off}"
    if given and (slow := _slower(found)):
        yield f"  slower than stated: {_list(found, slow)}"
    if unseen := [cable for each in _unseen(found) for cable in each.cables]:
        kept = "keeps what is stated" if given else "carried that at least"
        yield f"  never full, {kept}: {_list(found, unseen)}"


def _class_line(each: Class, given: bool) -> str:
    words = [f"{count_of(len(each.cables), 'link')} of {rate(each.used)}"]
    if each.rate is not None:
        words.append(f"({rate(each.rate.low)} to {rate(each.rate.high)})")
        if given and abs(each.used / each.stated - 1) > ALIKE:
            words.append(f"for {rate(each.stated)} stated")
    late = "" if each.alpha is None else f", {duration(each.alpha)}"
    return f"{' '.join(words)}{late}; {each.filled} seen full"


def _slower(found: Calibration) -> list[int]:
    return [
        cable
        for each in found.classes
        if each.rate is not None and each.used < each.stated * (1 - ALIKE)
        for cable in each.cables
    ]


def _unseen(found: Calibration) -> list[Class]:
    return [each for each in found.classes if each.rate is None]


def _list(found: Calibration, cables: list[int]) -> str:
    names = ", ".join(_name(found, cable) for cable in cables[:MOST_NAMES])
    more = len(cables) - MOST_NAMES
    return f"{names} and {more} more" if more > 0 else names


def _name(found: Calibration, cable: int) -> str:
    src, dst = found.net.ends[cable].tolist()
    return f"{found.topology.names[src]} -> {found.topology.names[dst]}"
