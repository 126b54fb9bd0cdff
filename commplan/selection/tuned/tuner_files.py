"""Selection files of GPU libraries: written, and read by the rules of their loaders.

NCCL's example plugin and RCCL's own read lines of 8, 9 or 10 fields, the first that matches counts.
Words that the plugin does not know it takes for allreduce, ring and simple without a word, and of a
line of more than 255 bytes, comments as well, it reads the rest as another: both are refused here.
NCCLX counts bytes of one rank, has intervals, and fails at what it does not know.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Any

from commplan.selection.tuned.protocols import ProtocolRule
from topologies.model.errors import WRONG_INPUT, CommplanError

COLLECTIVES = ("broadcast", "reduce", "allgather", "reducescatter", "allreduce")
ALGORITHMS = ("tree", "ring", "collnet_direct", "collnet_chain", "nvls", "nvls_tree", "pat")
PROTOCOLS = ("ll", "ll128", "simple")
LINE = 255  # bytes
ANY = -1
UNSIGNED = 2**64 - 1
NAMES = (
    *("collective_type", "min_bytes", "max_bytes", "algorithm", "protocol", "channels", "nNodes"),
    *("nRanks", "numPipeOps", "regBuff"),
)
MOST_FIELDS, FEWEST_FIELDS = 10, 8
NCCLX_FEWEST = 7
BYTES = "bytesPerRank"
FILTERS = ("collective", BYTES, "nNodes", "nLocalRanks", "numPipeOps", "regBuff")
SETTINGS = ("algorithm", "protocol", "channels", "chunkSize")


class TunerError(CommplanError, ValueError):
    """What a loader would refuse or, worse, take for something else."""

    exit_code = WRONG_INPUT


@dataclass(frozen=True)
class TunerRow:
    """A rule as its loader has it: what is matched, both ends inclusive, and what is set.

    Attributes:
        size: bytes, of one rank where `each` says so.
        nodes, ranks: of the communicator; ranks of one node where `each` says so.
    """

    collective: str
    size: tuple[float, float]
    algorithm: str
    protocol: str
    channels: int
    nodes: tuple[float, float]
    ranks: tuple[float, float]
    each: bool = False

    def matches(self, collective: str, size: int, nodes: int, ranks: int) -> bool:
        """Tell whether the rule is for a call; size: bytes that the library counts."""
        own_size = size / ranks if self.each else size
        own_ranks = ranks / nodes if self.each else ranks
        found = ((self.size, own_size), (self.nodes, nodes), (self.ranks, own_ranks))
        return self.collective == collective and all(a <= v <= b for (a, b), v in found)


def first(rows: Sequence[TunerRow], collective: str, size: int, nodes: int, ranks: int) -> str:
    """Look up what a call takes: algorithm and protocol of the first rule, or nothing."""
    for row in rows:
        if row.matches(collective, size, nodes, ranks):
            return f"{row.algorithm} {row.protocol}"
    return ""


def write_csv(rules: Sequence[ProtocolRule], notes: Sequence[str], fields: int = 10) -> str:
    """Write lines of so many fields for NCCL's example plugin, or for RCCL."""
    lines = [*(f"# {note}" for note in notes), "# " + ",".join(NAMES[:fields])]
    for rule in rules:
        row = [rule.word, rule.least, rule.most, "ring", rule.protocol, ANY, 1, rule.ranks]
        lines.append(",".join(map(str, [*row, *[ANY] * (fields - FEWEST_FIELDS)])))
    return "\n".join(lines) + "\n"


def read_csv(text: str) -> list[TunerRow]:
    """Read such lines as the loader does.

    Raises:
        TunerError: the place, what was found and what was expected.
    """
    return [_read_line(place, words) for place, words in _lines(text, lambda line: line.split(","))]


def _lines(text: str, split: Callable[[str], list[str]]) -> Iterator[tuple[str, list[str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line.encode()) > LINE:
            raise TunerError(f"line {number}: {len(line.encode())} bytes, at most {LINE} are one")
        if line.strip() and not line.startswith("#"):
            yield f"line {number}", [word.strip() for word in split(line)]


def _read_line(place: str, words: list[str]) -> TunerRow:
    if not FEWEST_FIELDS <= len(words) <= MOST_FIELDS:
        raise TunerError(f"{place}: {len(words)} fields, expected {FEWEST_FIELDS} to {MOST_FIELDS}")
    size = (_whole(place, words[1], 0), _whole(place, words[2], 0))
    if size[0] > size[1]:
        raise TunerError(f"{place}: from {size[0]} to {size[1]} bytes: no size is between")
    rest = [_whole(place, word, ANY) for word in words[5:]]
    nodes, ranks = ((each, each) if each != ANY else (1, inf) for each in rest[1:3])
    return TunerRow(*_named(place, words[0], words[3], words[4], size), rest[0], nodes, ranks)


def _named(
    place: str, collective: str, algorithm: str, protocol: str, size: tuple[float, float]
) -> tuple[str, tuple[float, float], str, str]:
    """Look at the words that name something."""
    known = ((collective, COLLECTIVES), (algorithm, ALGORITHMS), (protocol, PROTOCOLS))
    for word, expected in known:
        if word not in expected:
            raise TunerError(f"{place}: {word[:40]!r}, expected {', '.join(expected)}")
    return collective, size, algorithm, protocol


def _whole(place: str, word: str, least: int) -> int:
    if not re.fullmatch("-?[0-9]{1,20}", word) or not least <= int(word) <= UNSIGNED:
        raise TunerError(f"{place}: {word[:40]!r}, expected a whole number from {least}")
    return int(word)


def _each(rule: ProtocolRule) -> str:
    """Write the bytes of one rank as an interval."""
    return f"[{ceil(rule.least / rule.ranks)},{rule.most // rule.ranks}]"


def write_ncclx_csv(rules: Sequence[ProtocolRule], notes: Sequence[str]) -> str:
    """Write lines of seven fields for NCCLX."""
    head = "# collective,bytesPerRank,algorithm,protocol,channels,nNodes,nLocalRanks"
    rows = [f"{r.word},{_each(r)},ring,{r.protocol},{ANY},1,{r.ranks}" for r in rules]
    return "\n".join([*(f"# {note}" for note in notes), head, *rows]) + "\n"


def read_ncclx_csv(text: str) -> list[TunerRow]:
    """Read such lines as the loader does: commas within brackets divide nothing.

    Raises:
        TunerError: the place, what was found and what was expected.
    """
    found = []
    for place, words in _lines(text, lambda line: re.split(r",(?![^\[(]*[\])])", line)):
        if not NCCLX_FEWEST <= len(words) <= MOST_FIELDS:
            count = len(words)
            raise TunerError(f"{place}: {count} fields, expected {NCCLX_FEWEST} to {MOST_FIELDS}")
        found.append(_ncclx_row(place, dict(zip(_NCCLX_FIELDS, words, strict=False))))
    return found


_NCCLX_FIELDS = (
    *("collective", BYTES, "algorithm", "protocol", "channels", "nNodes", "nLocalRanks"),
    *("numPipeOps", "regBuff", "chunkSize"),
)


def _ncclx_row(place: str, words: Mapping[str, str]) -> TunerRow:
    size, nodes, ranks = (
        _interval(place, words.get(key, "*")) for key in (BYTES, "nNodes", "nLocalRanks")
    )
    for key in ("numPipeOps", "regBuff", "chunkSize"):
        _whole(place, words.get(key, "0"), ANY)
    named = _named(
        place,
        words.get("collective", ""),
        words.get("algorithm", ""),
        words.get("protocol", ""),
        size,
    )
    channels = _whole(place, words.get("channels", "-1"), ANY)
    return TunerRow(*named, channels, nodes, ranks, each=True)


def _interval(place: str, word: str) -> tuple[float, float]:
    """Read `*`, `N`, `[a,b]`, `(a,b)` and their mixtures, a missing end being open."""
    word = word.strip()
    if word == "*":
        return -inf, inf
    if re.fullmatch("[0-9]{1,19}", word):
        return int(word), int(word)
    match = re.fullmatch(r"([\[(])\s*([0-9]{0,19})\s*,\s*([0-9]{0,19})\s*([\])])", word)
    if match is None:
        raise TunerError(f"{place}: {word[:40]!r}, expected *, N or an interval such as [1,8)")
    low = int(match[2]) + (match[1] == "(") if match[2] else -inf
    high = int(match[3]) - (match[4] == ")") if match[3] else inf
    if low > high:
        raise TunerError(f"{place}: {word[:40]!r}: nothing is between")
    return low, high


def write_ncclx_json(rules: Sequence[ProtocolRule], notes: Sequence[str]) -> str:
    """Write the same as JSON; the notes stand where the loader does not look."""
    made = [
        {
            "filter": {
                "collective": rule.word,
                BYTES: _each(rule),
                "nNodes": 1,
                "nLocalRanks": rule.ranks,
            },
            "config": {"algorithm": "ring", "protocol": rule.protocol},
        }
        for rule in rules
    ]
    return json.dumps({"comment": list(notes), "rules": made}, indent=1) + "\n"


def read_ncclx_json(text: str) -> list[TunerRow]:
    """Read such JSON as the loader does.

    Raises:
        TunerError: the place, what was found and what was expected.
    """
    tree = parse(text)
    if not isinstance(tree.get("rules"), list):
        raise TunerError("no list of rules")
    found = []
    for i, rule in enumerate(tree["rules"]):
        place = f"rules[{i}]"
        parts = [rule.get(key) if isinstance(rule, dict) else None for key in ("filter", "config")]
        words: dict[str, str] = {}
        for part, known in zip(parts, (FILTERS, SETTINGS), strict=True):
            if not isinstance(part, dict) or set(part) - set(known):
                raise TunerError(f"{place}: expected filter and config with {', '.join(known)}")
            words |= {key: _word(place, value) for key, value in part.items()}
        found.append(_ncclx_row(place, words))
    return found


def _word(place: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TunerError(f"{place}: {str(value)[:40]!r}, expected a number or a word")
    return str(value)


def parse(text: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        TunerError: it is none.
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TunerError(f"no JSON: {error}") from None
    if not isinstance(tree, dict):
        raise TunerError("no JSON object")
    return tree
