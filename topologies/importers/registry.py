"""The formats that machines are read from, a module each."""

from collections.abc import Callable
from dataclasses import dataclass

from topologies.importers.draft import Draft
from topologies.importers.readers import ibnetdiscover, nccl, nvidia_smi, rank_table
from topologies.model.registry import Registry
from topologies.model.topology import TopologyError


@dataclass(frozen=True, slots=True)
class Importer:
    """A format that a machine, or a part of one, can be read from.

    Attributes:
        what: a file of it in words, as `NCCL topology XML`.
        read: makes the draft of a text and the name of its file, or raises ValueError with the
            place of the mistake.
        sniff: whether a text is of this format.
    """

    what: str
    read: Callable[[str, str], Draft]
    sniff: Callable[[str], bool]


IMPORTERS = Registry(
    "import format",
    Importer,
    "commplan.importers",
    {
        "nccl": Importer("NCCL topology XML", nccl.read, nccl.sniff),
        "nvidia-smi": Importer("a matrix of nvidia-smi topo -m", nvidia_smi.read, nvidia_smi.sniff),
        "rank-table": Importer("a rank table of Huawei", rank_table.read, rank_table.sniff),
        "ibnetdiscover": Importer(
            "the output of ibnetdiscover", ibnetdiscover.read, ibnetdiscover.sniff
        ),
    },
    unknown_error=lambda fault: TopologyError([fault]),
)
AUTO = "auto"
