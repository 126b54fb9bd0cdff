"""Hardware by name: what files leave out of it, as the rate of an NVLink or of an adapter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from topologies.importers.hardware.figures import GENERATIONS, GUESSES, Figure
from topologies.model.registry import Registry
from topologies.model.topology import TopologyError
from topologies.model.units import Rate, Seconds
from topologies.presets import figures
from topologies.presets.figures import GIGA, NIC_ALPHA, PCIE_ALPHA, RDMA_ALPHA, RDMA_PORT


@dataclass(frozen=True, slots=True)
class Profile:
    """The figures of a kind of machine or network, each with its source.

    Attributes:
        summary: what it is, in a line.
        figures: by the first word of the medium, of one lane each.
        lanes: of a device, by the medium: how many links it has at most.
        adapters: of a box.
        copies: whether the switch inside the box copies and adds.
        switched: whether there is such a switch, which joins all links of all devices.
        overhead: seconds that a message costs its two ranks, 0 where nobody published it.
    """

    summary: str
    figures: Mapping[str, Figure]
    lanes: Mapping[str, int] = field(default_factory=dict)
    adapters: int = 0
    copies: bool = False
    switched: bool = False
    overhead: Seconds = 0.0


def _pcie(transfers: int, source: str) -> Figure:
    rate = Fraction(transfers * 16 * 128, 8 * 130) * GIGA
    return Figure(rate, PCIE_ALPHA, source, GUESSES["PCIe"].alpha_source)


def network(gigabits: int, source: str) -> Figure:
    """Make the figure of an adapter of so many Gbit/s."""
    return Figure(Rate(gigabits * GIGA, 8), NIC_ALPHA, source, GUESSES["network"].alpha_source)


def _nvidia(
    summary: str, generation: int, links: int, transfers: int, gigabits: int, adapters: int
) -> Profile:
    """Describe a box by its NVLink, PCIe and network."""
    name = summary.partition(",")[0]
    return Profile(
        summary,
        {
            "NVLink": GENERATIONS[f"NVLink {generation}"],
            "PCIe": _pcie(transfers, f"{name} data sheet: PCIe x16 of {transfers} GT/s"),
            "network": network(gigabits, f"{name} data sheet: adapters of {gigabits} Gbit/s"),
        },
        {"NVLink": links},
        adapters,
        copies=generation >= 4,
        switched=generation >= 3,
    )


def _amd(summary: str, gfx: str, links: int, transfers: int, gigabits: int) -> Profile:
    name = summary.partition(",")[0]
    return Profile(
        summary,
        {
            "xGMI": GENERATIONS[f"xGMI {gfx}"],
            "PCIe": _pcie(transfers, f"{name} data sheet: PCIe x16 of {transfers} GT/s"),
            "network": network(gigabits, f"one adapter of {gigabits} Gbit/s for each GPU"),
        },
        {"xGMI": links},
        8,
    )


_ATLAS_A2 = {
    "HCCS": Figure(
        figures.HCCS,
        figures.HCCS_ALPHA,
        "56 GB/s both ways a pair (Huawei documents, read in notes); 19 GB/s measured with HIXL",
        "no figure is published",
    ),
    "network": Figure(
        RDMA_PORT, RDMA_ALPHA, "200 Gbit/s RoCE for each NPU (Atlas 800T A2)", "estimate"
    ),
}
_CLOUDMATRIX = "Zuo et al., arXiv:2506.12708, 3.3"
_LATENCY = "StrataCL, arXiv:2607.26444, Table 1"
_ATLAS_A3 = {
    "SIO": Figure(figures.SIO, figures.SIO_ALPHA, f"270 GB/s each way, {_CLOUDMATRIX}", _LATENCY),
    "UB": Figure(
        figures.UB_PORT, figures.UB_ALPHA, f"196 GB/s a die over 7 planes, {_CLOUDMATRIX}", _LATENCY
    ),
    "uplink": Figure(
        None, figures.UB_UPLINK_ALPHA, f"as many uplinks as downlinks, {_CLOUDMATRIX}", _LATENCY
    ),
    "network": Figure(RDMA_PORT, RDMA_ALPHA, f"200 Gbit/s RoCE a die, {_CLOUDMATRIX}", "estimate"),
}
_ATLAS_950 = {
    "UB": Figure(
        4 * figures.UB_LANE,
        figures.UB_ALPHA,
        "x4 lanes of 112 Gbit/s a port (Ascend 950 white paper, read in notes)",
        "as CloudMatrix384",
    ),
}


def _fabric(name: str, gigabits: int) -> Profile:
    source = f"{name}: {gigabits} Gbit/s"
    return Profile(f"{source} an adapter", {"network": network(gigabits, source)})


PROFILES = Registry(
    "hardware profile",
    Profile,
    "commplan.profiles",
    {
        "p100": _nvidia("DGX-1 P100, 8 GPUs", 1, 4, 8, 100, 4),
        "v100": _nvidia("DGX-1 V100, 8 GPUs, and DGX-2", 2, 6, 8, 100, 4),
        "a100": _nvidia("DGX A100, 8 GPUs", 3, 12, 16, 200, 8),
        "h100": _nvidia("DGX H100, 8 GPUs", 4, 18, 32, 400, 8),
        "h200": _nvidia("DGX H200, 8 GPUs", 4, 18, 32, 400, 8),
        "b200": _nvidia("DGX B200, 8 GPUs", 5, 18, 32, 400, 8),
        "gb200": _nvidia("GB200 NVL72, trays of 4 GPUs", 5, 18, 32, 400, 4),
        "mi50": _amd("MI50 and MI60, 8 GPUs", "gfx906", 2, 16, 100),
        "mi100": _amd("MI100, 8 GPUs", "gfx908", 3, 16, 200),
        "mi250": _amd("MI250, 8 packages of 2 dies", "gfx90a", 8, 16, 200),
        "mi300x": _amd("MI300X, 8 GPUs", "gfx942", 7, 32, 400),
        "mi355x": _amd("MI355X, 8 GPUs", "gfx950", 7, 32, 400),
        "atlas-a2": Profile("Atlas A2, 8 Ascend 910B", _ATLAS_A2, {"HCCS": 7}, 8),
        "atlas-a3": Profile("Atlas A3, 16 dies of Ascend 910C a node", _ATLAS_A3, {"UB": 1}, 16),
        "atlas-950": Profile("Atlas 950, Ascend 950", _ATLAS_950, {"UB": 18}),
        "100g": _fabric("100 Gbit/s Ethernet or EDR InfiniBand", 100),
        "hdr": _fabric("HDR InfiniBand or 200 Gbit/s Ethernet", 200),
        "ndr": _fabric("NDR InfiniBand or 400 Gbit/s Ethernet", 400),
        "xdr": _fabric("XDR InfiniBand or 800 Gbit/s Ethernet", 800),
    },
    unknown_error=lambda fault: TopologyError([fault]),
)


def combine(names: tuple[str, ...]) -> Profile:
    """Make one profile of several; of what two say, the last counts.

    Raises:
        TopologyError: a name is unknown.
    """
    found = [PROFILES[name] for name in names]
    return Profile(
        " and ".join(names),
        {medium: figure for each in found for medium, figure in each.figures.items()},
        {medium: count for each in found for medium, count in each.lanes.items()},
        next((each.adapters for each in reversed(found) if each.adapters), 0),
        any(each.copies for each in found),
        any(each.switched for each in found),
        max((each.overhead for each in found), default=0.0),
    )
