"""NCCL topology XML, as NVIDIA's and AMD's library write it: GPUs, NVLink, xGMI, PCIe, adapters."""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations

from topologies.importers.draft import (
    ADAPTER,
    HUB_KIND,
    RANK,
    SWITCH,
    Cable,
    Draft,
    Vertex,
    pair_up,
)
from topologies.importers.hardware import figures
from topologies.importers.hardware.processors import generation
from topologies.importers.texts.xml_text import Element, begins_with, parse
from topologies.model.messages import show_value
from topologies.model.units import count_of

VERSIONS = ("1", "2")
GPU_CLASSES = ("0x0302", "0x0380", "0x1200", "0x0300")
NET_CLASSES = ("0x0200", "0x0207")
SWITCH_CLASS, CPU_CLASS = "0x068000", "0x068001"
NVLINK = {60: "1", 61: "1", 62: "1", 70: "2", 72: "2", 80: "3", 86: "3 GA10x", 90: "4", 100: "5"}
# Versions of AMD's processors: numbers of three or four digits in old files, words in newer ones.
GFX = {"906": "gfx906", "908": "gfx908", "910": "gfx90a", "940": "gfx942", "941": "gfx942"}
GFX |= {"942": "gfx942", "950": "gfx950", "gfx940": "gfx942", "gfx941": "gfx942"}
HUB = "nvs"
NO_RANK, LAST = "-1", 10**13
MOST_SOCKETS = 1024
FIRST_COPYING = 90  # compute capability from which NVSwitches copy and add


def sniff(text: str) -> bool:
    """Tell whether a text is XML of a <system>."""
    return begins_with(text, "system")


def read(text: str, name: str) -> Draft:
    """Read one host, or hosts fused into one NVLink domain; without a GPU sockets are the ranks.

    Raises:
        ValueError: it is no such file, or nothing in it is a GPU or a socket; with the line.
    """
    root = parse(text, "system")
    version = root.get("version")
    if version not in VERSIONS:
        raise root.fault(f"version is {show_value(version)}, expected {' or '.join(VERSIONS)}")
    host = _Host(_boxes(root))
    for number, cpu in enumerate(root.all("cpu")):
        if number >= MOST_SOCKETS:
            raise cpu.fault(f"more than {MOST_SOCKETS:,} sockets")
        _cpu(host, cpu)
    if not host.cpus:
        raise ValueError("no <cpu> in it, so that nothing of it can be a rank")
    return _finish(host, name)


@dataclass(frozen=True, slots=True)
class _Gpu:
    """A GPU as it stands in the file: its device, what is said of it, and what it hangs on."""

    pci: Element
    said: Element
    parent: Vertex
    cpu: Vertex

    @property
    def bus(self) -> str:
        return self.pci.get("busid").lower()


@dataclass(frozen=True, slots=True)
class _Host:
    """What was found so far; boxes: their names by what the file calls them."""

    boxes: dict[str, str]
    cpus: list[tuple[Vertex, str]] = field(default_factory=list)  # with their medium
    gpus: list[_Gpu] = field(default_factory=list)
    adapters: list[Vertex] = field(default_factory=list)
    switches: list[Vertex] = field(default_factory=list)
    cables: list[Cable] = field(default_factory=list)
    others: list[Element] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)

    def name(self, box: str, word: str) -> str:
        """Name something in a box by a word and the next number."""
        begun = _name(box, word)
        self.used[begun] += 1
        return f"{begun}{self.used[begun] - 1}"

    def switch(self, kind: str, word: str, box: str) -> Vertex:
        """Add a switch to a box, named by a word and the next number."""
        made = Vertex(self.name(box, word), SWITCH, kind, box)
        self.switches.append(made)
        return made


def _boxes(root: Element) -> dict[str, str]:
    """Name the boxes by the hash that the file has of each; a single one needs no name."""
    found = list(dict.fromkeys(cpu.get("host_hash") for cpu in root.all("cpu")))
    return {box: f"h{i}" if len(found) > 1 else "" for i, box in enumerate(found)}


def _cpu(host: _Host, cpu: Element) -> None:
    """Read a socket and what hangs on it."""
    vertex = host.switch("CPU", "cpu", host.boxes[cpu.get("host_hash")])
    host.cpus.append((vertex, f"CPU {_family(cpu)}"))
    for child in cpu.children:
        if child.tag == "pci":
            _pci(host, child, vertex)
        elif child.tag == "nic":
            _nets(host, child, vertex)


def _family(cpu: Element) -> str:
    """Tell the generation of a socket as NCCL does, by its vendor and model."""
    model = cpu.whole("modelid", 0) if cpu.get("vendor") == "GenuineIntel" else 0
    found = generation(cpu.get("arch"), cpu.get("vendor"), model)
    return found or "of an unknown kind"


def _pci(host: _Host, pci: Element, parent: Vertex) -> None:
    """Read a PCI device: a bridge, a GPU, an adapter, or nothing of interest."""
    gpu = next(pci.all("gpu"), None)
    inner = [child for child in pci.children if child.tag in ("pci", "nic")]
    kind = pci.get("class")[:6].lower()
    if inner:
        word = "pcie" if any(child.tag == "pci" for child in inner) else "slot"
        vertex = host.switch("PCIe", word, parent.host)
        host.cables.append(_pcie(pci, vertex, parent))
        for child in inner:
            (_pci if child.tag == "pci" else _nets)(host, child, vertex)
    if gpu is not None or (kind in GPU_CLASSES and not inner):
        cpu = host.cpus[-1][0]  # the one that is being read
        host.gpus.append(_Gpu(pci, pci if gpu is None else gpu, parent, cpu))
    elif kind in NET_CLASSES and not inner:
        adapter = _adapter(host, parent.host, None, [])
        host.cables.append(_pcie(pci, adapter, parent))
    elif not inner:
        host.others.append(pci)


def _pcie(pci: Element, vertex: Vertex, parent: Vertex) -> Cable:
    rate = figures.pcie(pci.get("link_speed"), pci.whole("link_width", 0, 64))
    return Cable(vertex.name, parent.name, "PCIe", rate, source="link_speed and link_width")


def _nets(host: _Host, nic: Element, parent: Vertex) -> None:
    """Note the ports of an adapter."""
    for net in nic.all("net"):
        speed = net.whole("speed", 0)
        rate = Fraction(speed * 10**6, 8) if speed else None
        keys = [f"device {net.get('name')}"] if net.get("name") else []
        if guid := net.get("guid").lower().removeprefix("0x"):
            keys += [f"guid {guid.zfill(16)}", f"guid {_turned(guid.zfill(16))}"]
        adapter = _adapter(host, parent.host, rate, keys)
        source = "speed of <net>"
        host.cables.append(Cable(adapter.name, parent.name, "network", rate, 0.0, source=source))


def _adapter(host: _Host, box: str, rate: Fraction | None, keys: list[str]) -> Vertex:
    made = Vertex(host.name(box, "nic"), ADAPTER, "adapter", box, tuple(keys), rate=rate)
    host.adapters.append(made)
    return made


def _turned(guid: str) -> str:
    """Turn the bytes around: NCCL writes a GUID as the number that its bytes are in memory."""
    return "".join(reversed([guid[i : i + 2] for i in range(0, 16, 2)]))


def _name(box: str, local: str) -> str:
    return f"{box}.{local}" if box else local


def _finish(host: _Host, name: str) -> Draft:
    """Join the sockets, and the GPUs if there are any."""
    sockets = [
        Cable(a.name, b.name, medium)
        for (a, medium), (b, _) in combinations(host.cpus, 2)
        if a.host == b.host
    ]
    made = _with_gpus if host.gpus else _without_gpus
    return made(host, name, (*host.cables, *sockets))


def _without_gpus(host: _Host, name: str, cables: tuple[Cable, ...]) -> Draft:
    """Let the sockets be the ranks, and say that the file is partial."""
    sockets = {cpu for cpu, _ in host.cpus}
    ranks = [cpu._replace(role=RANK, kind="socket") for cpu, _ in host.cpus]
    inner = [each for each in host.switches if each not in sockets]
    note = (
        f"no GPU in it, only {count_of(len(host.adapters), 'adapter')} and "
        f"{count_of(len(host.others), 'other PCI device')}: a partial file, which NCCL completes "
        "(NCCL_TOPO_DUMP_FILE writes a whole one); the sockets are the ranks"
    )
    return Draft(name, (*ranks, *inner, *host.adapters), cables, (note,))


def _with_gpus(host: _Host, name: str, cables: tuple[Cable, ...]) -> Draft:
    """Order the GPUs as the file does, and join them."""
    places = range(len(host.gpus))
    order = sorted(places, key=lambda i: _rank(host.gpus[i], i))
    gpus = [host.gpus[i] for i in order]
    boxes = [gpu.parent.host for gpu in gpus]
    ranks = [
        Vertex(host.name(box, "g"), RANK, "GPU", box, (f"pci {gpu.bus}",))
        for gpu, box in zip(gpus, boxes, strict=True)
    ]
    joins, hubs, odd = _joins(gpus, ranks)
    pcie = [_pcie(gpu.pci, rank, gpu.parent) for gpu, rank in zip(gpus, ranks, strict=True)]
    vertices = (*ranks, *host.switches, *host.adapters, *hubs)
    partial = any(gpu.said is gpu.pci for gpu in gpus)
    return Draft(
        name, vertices, (*joins, *pcie, *cables), tuple(_notes(gpus)), tuple(odd), partial=partial
    )


def _rank(gpu: _Gpu, place: int) -> tuple[int, int]:
    """Tell where a GPU comes in the order; those that no rank ran on have -1 and come last."""
    if gpu.said.get("rank") == NO_RANK:
        return LAST, place
    return gpu.said.whole("rank", place), place


def _notes(gpus: list[_Gpu]) -> list[str]:
    """Say what is partial."""
    told = sum(gpu.said is gpu.pci for gpu in gpus)
    if not told:
        return []
    return [
        f"{told} PCI devices are taken for GPUs by their class: the file is partial, and says "
        "nothing of links between them"
    ]


def _joins(gpus: list[_Gpu], ranks: list[Vertex]) -> tuple[list[Cable], list[Vertex], list[str]]:
    """Read NVLink and xGMI; all NVSwitches are one."""
    ends = {gpu.bus: rank.name for gpu, rank in zip(gpus, ranks, strict=True)}
    cables: list[Cable] = []
    odd: list[str] = []
    for gpu, rank in zip(gpus, ranks, strict=True):
        counts, lost = _count(gpu, rank.name, ends)
        odd += [f"line {line}: a link of {rank.name} leads to no GPU of the file" for line in lost]
        cables += [_join(gpu, rank, end, count) for end, count in counts.items()]
        cables += _to_memory(gpu, rank)
    switched = {cable.src for cable in cables if cable.dst == HUB}
    copies = all(
        gpu.said.whole("sm", 0) >= FIRST_COPYING
        for gpu, rank in zip(gpus, ranks, strict=True)
        if rank.name in switched
    )
    hubs = [Vertex(HUB, SWITCH, HUB_KIND, copies=copies)] if switched else []
    return pair_up(cables), hubs, odd


def _join(gpu: _Gpu, rank: Vertex, end: str, count: int) -> Cable:
    """Make the cable of the links to one end; those between GPUs are listed by both."""
    both, source = end in (HUB, gpu.cpu.name), f"{count} links in the file"
    medium, halves = _medium(gpu.said), end == HUB
    return Cable(rank.name, end, medium, None, None, count, halves, both, source=source)


def _count(gpu: _Gpu, own: str, ends: dict[str, str]) -> tuple[dict[str, int], list[int]]:
    """Count the links of a GPU to each end; and give the lines of those that lead nowhere."""
    counts: dict[str, int] = {}
    lost = []
    for link in gpu.said.children:
        if link.tag not in ("nvlink", "xgmi"):
            continue
        end = ends.get(link.get("target").lower())
        if end == own:
            end = None
        if end is None and link.get("tclass").lower() in (SWITCH_CLASS, CPU_CLASS):
            end = HUB if link.get("tclass").lower() == SWITCH_CLASS else gpu.cpu.name
        if end is None:
            lost.append(link.line)
        elif count := link.whole("count", 1, 10**4):
            counts[end] = counts.get(end, 0) + count
    return counts, lost


def _to_memory(gpu: _Gpu, rank: Vertex) -> list[Cable]:
    """Read links to the memory of a processor, as of Grace, MB/s each."""
    return [
        Cable(
            *(rank.name, gpu.cpu.name, "C2C"),
            Fraction(link.whole("bw") * link.whole("count", 1, 10**4) * 10**6) or None,
            source="bw and count of <c2c>",
        )
        for link in gpu.said.all("c2c")
    ]


def _medium(gpu: Element) -> str:
    """Name the links of a GPU by their generation."""
    if next(gpu.all("xgmi"), None) is not None:
        return f"xGMI {GFX.get(gpu.get('gcn'), gpu.get('gcn') or 'of an unknown kind')}"
    sm = gpu.whole("sm", 0)
    known = [capability for capability in NVLINK if capability <= sm]
    return f"NVLink {NVLINK[max(known)]}" if known else "NVLink"
