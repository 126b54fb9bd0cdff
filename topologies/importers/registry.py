"""The formats that machines are read from, a module each."""

from collections.abc import Callable
from dataclasses import dataclass

from topologies.importers.draft import Draft
from topologies.importers.readers import (
    astra,
    edge_list,
    graphml,
    hwloc,
    ibnetdiscover,
    nccl,
    node_link,
    nvidia_smi,
    slurm_conf,
    slurm_yaml,
    topograph,
)
from topologies.importers.readers.huawei import rank_table, topology_file
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
        "ascend": Importer("a topology file of Ascend", topology_file.read, topology_file.sniff),
        "ibnetdiscover": Importer(
            "the output of ibnetdiscover", ibnetdiscover.read, ibnetdiscover.sniff
        ),
        "slurm-conf": Importer("a topology.conf of Slurm", slurm_conf.read, slurm_conf.sniff),
        "slurm-yaml": Importer("a topology.yaml of Slurm", slurm_yaml.read, slurm_yaml.sniff),
        "topograph": Importer("a model of topograph", topograph.read, topograph.sniff),
        "hwloc": Importer("hwloc XML", hwloc.read, hwloc.sniff),
        "astra-sim": Importer("a network of ASTRA-sim", astra.read, astra.sniff),
        "csv": Importer("an edge list in CSV", edge_list.read, edge_list.sniff),
        "node-link": Importer("node-link JSON", node_link.read, node_link.sniff),
        "graphml": Importer("GraphML", graphml.read, graphml.sniff),
    },
    unknown_error=lambda fault: TopologyError([fault]),
)
AUTO = "auto"
