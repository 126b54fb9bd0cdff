"""Selection files for GPUs and NPUs: rules that are predicted, and were run on no such hardware."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import wrap

from commplan.fitting.fitted import Library, known_library, load_library
from commplan.selection.play import stages
from commplan.selection.tuned import hccl, tuner_files
from commplan.selection.tuned.hccl import HcclRule, hccl_rules
from commplan.selection.tuned.protocols import ProtocolRule, UnmeasuredError, protocol_rules
from commplan.selection.tuned.tuner_files import TunerError, TunerRow
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Rank, Seconds, count_of

UNTRIED = "predicted, not run on this hardware"
WIDTH = 120  # bytes of a note, at most: loaders take the rest of a long line for another
MOST_RANKS = 64
HCCL = "hccl"


@dataclass(frozen=True)
class Written:
    """What a line of a file says, whatever its library: bytes of the largest buffer of a rank.

    Attributes:
        seconds: at the largest size that was looked at: predicted, and without the rule.
    """

    collective: str
    ranks: int
    least: Bytes
    most: Bytes
    algorithm: str
    instead: str
    gain: tuple[float, float]
    seconds: tuple[Seconds, Seconds]


@dataclass(frozen=True)
class Tuned:
    """A file, its rules, what it rests on, and the variables by which it is loaded.

    Attributes:
        variables: the file's name stands for the value that is empty.
    """

    text: str
    rules: tuple[Written, ...]
    notes: tuple[str, ...]
    variables: Mapping[str, str]


@dataclass(frozen=True)
class _Rings:
    """A library with protocols: how its file is written and read, and found.

    Attributes:
        shipped: whether what is shipped of measurements is of this library.
        each: whether sizes in the file are of one rank.
    """

    name: str
    write: Callable[[Sequence[ProtocolRule], Sequence[str]], str]
    read: Callable[[str], list[TunerRow]]
    variables: Mapping[str, str]
    shipped: bool = True
    notes: tuple[str, ...] = ()

    def tune(self, topology: Topology, ranks: Sequence[Rank], path: str | None) -> Tuned:
        """Write the rules of protocols, and read them back.

        Raises:
            UnmeasuredError: nothing was measured that tells of this machine.
            FitError: the file at the path is none of a fit.
        """
        known = load_library(path) if path else known_library(topology) if self.shipped else None
        adds = bool(topology.multicast.any())
        some = None if len(ranks) == topology.ranks else ranks
        rules = protocol_rules(topology, known, self.name, adds, some)
        assert known is not None  # or it would have been refused
        notes = _notes(_protocol_grounds(known), self.notes)
        text = self.write(rules, notes)
        self._read_back(text, rules)
        told = (
            Written(*(r.word, r.ranks, r.least, r.most), f"ring {r.protocol}", r.usual, *r.found)
            for r in rules
        )
        return Tuned(text, tuple(told), tuple(notes), self.variables)

    def _read_back(self, text: str, rules: Sequence[ProtocolRule]) -> None:
        rows = self.read(text)
        for rule in rules:
            for size in (rule.least, (rule.least + rule.most) // 2, rule.most):
                whole = size // rule.ranks * rule.ranks + rule.ranks * (size == rule.least)
                whole = min(whole, rule.most // rule.ranks * rule.ranks)
                says = tuner_files.first(rows, rule.word, whole, 1, rule.ranks)
                if says != f"ring {rule.protocol}":
                    raise TunerError(f"{rule.word}, {whole} bytes: the file says {says!r}")


def _protocol_grounds(known: Library) -> Sequence[str]:
    return (
        f"{known.name} as fitted on {known.machine}: {known.source or 'measurements of your own'}",
        "its regimes for small, middling and bulk data are taken for LL, LL128 and Simple of a "
        "ring on one host; what stands here is faster by more than the errors of the fit",
        "no rule: all_reduce, whose algorithm the measurements do not tell, and more than one host",
    )


def _notes(*parts: Sequence[str]) -> list[str]:
    """Begin with what the file is worth, and break what is long."""
    whole = [UNTRIED, *(line for part in parts for line in part)]
    return [line for text in whole for line in wrap(text, WIDTH)]


def _hccl(topology: Topology, ranks: Sequence[Rank], path: str | None) -> Tuned:
    """Write the rules of HCCL's templates for one communicator, and read them back.

    Raises:
        UnmeasuredError: there are too many ranks, or measurements are given.
    """
    return tune_hccl(topology, [ranks], path)


def tune_hccl(topology: Topology, groups: Sequence[Sequence[Rank]], path: str | None) -> Tuned:
    """Write the rules of HCCL's templates into one file, as a process loads one, and read it back.

    Groups of as many ranks share rules, which must gain in all of them.

    Raises:
        UnmeasuredError: all have too many ranks, or measurements are given.
    """
    if path is not None:
        raise UnmeasuredError("HCCL: a fit tells nothing of its templates; leave --library out")
    counts = sorted({len(ranks) for ranks in groups})
    tried = [count for count in counts if 2 <= count <= MOST_RANKS]
    if not tried:
        raise UnmeasuredError(f"HCCL: {count_of(counts[0], 'rank')}, expected 2 to {MOST_RANKS}")
    rules: list[HcclRule] = []
    for count in tried:
        same = [ranks for ranks in groups if len(ranks) == count]
        rules += hccl_rules([scene for ranks in same for scene in stages(topology, ranks)])
    left = [str(count) for count in counts if count > MOST_RANKS]
    notes = _notes(
        [f"not tried: groups of {' and '.join(left)} ranks"] if left else [],
        (
            f"HCCL was not measured: its templates are played on {topology.name} with the figures "
            f"of the topology; what stands here is faster by more than {hccl.MARGIN:.0%}",
            "the engine is aicpu, the executor sole: NPUs that lack the entry pass the rule over",
            f"no rule: {hccl.ONE_EACH}",
        ),
    )
    text = hccl.write(rules, notes)
    _read_hccl_back(text, rules)
    told = (
        Written(r.op, r.ranks, r.least, r.most, r.template, "any other", *r.found) for r in rules
    )
    variables = {"HCCL_TUNER_PLUGIN": "hccl_tuner_example.so", "HCCL_TUNER_CONFIG_FILE": ""}
    return Tuned(text, tuple(told), tuple(notes), variables)


def _read_hccl_back(text: str, rules: Sequence[HcclRule]) -> None:
    found = hccl.read(text)
    for rule in rules:
        for size in rule.compared:
            says = hccl.look_up(found, rule.op, rule.ranks, size)
            if says != rule.template:
                raise TunerError(f"{rule.op}, {size} bytes: the file says {says!r}")


_PLUGIN = {"NCCL_TUNER_PLUGIN": "example", "NCCL_TUNER_CONFIG_FILE": ""}
_ONE_CHANNEL = (
    "plugins/tuner/example of NCCL sets *nChannels = 1 before it looks for a rule: build it with 0 "
    "there, or what no rule is for may get one channel",
)


def _csv(fields: int) -> _Rings:
    write = partial(tuner_files.write_csv, fields=fields)
    return _Rings("NCCL", write, tuner_files.read_csv, _PLUGIN, notes=_ONE_CHANNEL)


_NCCLX = {"NCCLX_TUNER_CONFIG_FILE": ""}
TUNERS: Mapping[str, Callable[[Topology, Sequence[Rank], str | None], Tuned]] = {
    "nccl": _csv(10).tune,
    "nccl-9": _csv(9).tune,
    "nccl-8": _csv(8).tune,
    "ncclx": _Rings("NCCL", tuner_files.write_ncclx_csv, tuner_files.read_ncclx_csv, _NCCLX).tune,
    "ncclx-json": _Rings(
        "NCCL", tuner_files.write_ncclx_json, tuner_files.read_ncclx_json, _NCCLX
    ).tune,
    "rccl": _Rings(
        *("RCCL", tuner_files.write_csv, tuner_files.read_csv),
        {"NCCL_TUNER_CONFIG_FILE": ""},
        shipped=False,
    ).tune,
    HCCL: _hccl,
}
