"""hwloc's XML of one host: PCIe, sockets, NVLink, adapters."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
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
    bundle,
)
from topologies.importers.hardware.processors import generation
from topologies.importers.texts.host_names import fit
from topologies.importers.texts.xml_text import Element, begins_with, parse
from topologies.model.messages import show_value

GPU = re.compile(r"(cuda|nvml|rsmi|ze|opencl)[0-9]")
NET = re.compile(r"(mlx|hfi|bnxt|irdma|efa|ib|hns|opa|cxi|hsn)")
GPU_CLASSES, NET_CLASSES, SWITCH_CLASS = ("0302", "0380", "1200"), ("0207", "0c06"), "0680"
MATRICES = {"NVLinkBandwidth": "NVLink", "XGMIBandwidth": "xGMI", "XeLinkBandwidth": "XeLink"}
HUB = "nvs"
PACKAGES = ("Package", "Socket")  # the second is version 1's word
OLD = "hwloc 1 tells no links between GPUs but PCIe"
MOST = 512  # sockets, and objects of a matrix


def sniff(text: str) -> bool:
    """Tell whether a text is XML of a <topology>."""
    return begins_with(text, "topology")


def read(text: str, name: str) -> Draft:
    """Read a host; without a GPU its sockets are the ranks.

    Raises:
        ValueError: it is no such file, or of an unknown version; with the line.
    """
    root = parse(text, "topology")
    version = root.get("version", "1")
    if not re.fullmatch(r"[123](\.[0-9]{1,2})?", version):
        raise root.fault(f"version is {show_value(version)}, expected 1 to 3.x")
    host = _Host()
    for each in root.all("object"):
        _object(host, each, None)
    if len(host.sockets) > MOST:
        raise ValueError(f"{len(host.sockets):,} sockets, at most {MOST} are read")
    if not host.sockets and not host.gpus:
        raise ValueError("no Package and no GPU in it")
    old = (OLD,) if version[0] == "1" and host.gpus else ()
    made = _draft(host, root, _name(root) or name)
    return replace(made, notes=(*made.notes, *old))


def _name(root: Element) -> str:
    """Find the name of the host, which is an `info` of the machine or, newly, of the file."""
    for each in (root, *root.all("object")):
        for info in each.all("info"):
            if info.get("name") == "HostName":
                return fit(info.get("value"))
    return ""


@dataclass(frozen=True, slots=True)
class _Host:
    """What was found so far; by_index: vertices by the numbers that matrices use."""

    sockets: list[Vertex] = field(default_factory=list)
    gpus: list[Vertex] = field(default_factory=list)
    others: list[Vertex] = field(default_factory=list)
    hubs: list[Vertex] = field(default_factory=list)
    cables: list[Cable] = field(default_factory=list)
    by_index: dict[str, str] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)

    def name(self, word: str) -> str:
        """Name the next bridge or adapter."""
        self.used[word] += 1
        return f"{word}{self.used[word] - 1}"


def _object(host: _Host, each: Element, parent: Vertex | None) -> None:
    """Read an object and what is inside."""
    kind, index = each.get("type"), each.get("gp_index")
    inner = parent
    if kind in PACKAGES:
        inner = Vertex(f"cpu{len(host.sockets)}", SWITCH, "CPU")
        host.sockets.append(inner)
    elif kind == "PCIDev" or (kind == "Bridge" and each.get("pci_busid")):
        inner = _device(host, each, parent or _root(host))
    if index and inner is not None:
        # Numbers are those of one kind of object; some files number each kind by itself.
        host.by_index.setdefault(f"{kind}:{index}", inner.name)
    for child in each.all("object"):
        _object(host, child, inner)


def _root(host: _Host) -> Vertex:
    """Give the socket that devices of the whole machine hang on: the first."""
    if not host.sockets:
        host.sockets.append(Vertex("cpu0", SWITCH, "CPU"))
    return host.sockets[0]


def _device(host: _Host, each: Element, parent: Vertex) -> Vertex | None:
    """Read a bridge, a GPU, an adapter or an NVSwitch; nothing else is of interest."""
    made = _vertex(host, each)
    if made is None:
        return None
    if made.kind == HUB_KIND:  # its PCIe carries no data
        host.hubs.append(made)
        return made
    host.cables.append(Cable(made.name, parent.name, "PCIe", _rate(each), source="pci_link_speed"))
    (host.gpus if made.role == RANK else host.others).append(made)
    return made


def _vertex(host: _Host, each: Element) -> Vertex | None:
    if each.get("type") == "Bridge":
        return Vertex(host.name("pcie"), SWITCH, "PCIe")
    devices = [child.get("name") for child in each.all("object") if child.get("type") == "OSDev"]
    pci_class = each.get("pci_type")[:4].lower()
    if pci_class in GPU_CLASSES or any(GPU.match(device) for device in devices):
        return Vertex(f"g{len(host.gpus)}", RANK, "GPU", keys=(f"pci {each.get('pci_busid')}",))
    if pci_class in NET_CLASSES or any(NET.match(device) for device in devices):
        keys = (*(f"device {device}" for device in devices), *_keys(each))
        return Vertex(host.name("nic"), ADAPTER, "adapter", keys=keys)
    if pci_class == SWITCH_CLASS or each.get("subtype") == "NVSwitch":
        return Vertex(HUB, SWITCH, HUB_KIND)
    return None


def _keys(each: Element) -> list[str]:
    """List the GUIDs and LIDs of an adapter, by which a network knows it."""
    keys = []
    for device in each.all("object"):
        for info in device.all("info"):
            name, value = info.get("name"), info.get("value").lower()
            if name in ("NodeGUID", "SysImageGUID"):
                keys.append(f"guid {value.replace(':', '').removeprefix('0x').zfill(16)}")
            elif re.fullmatch("Port[0-9]+LID", name) and re.fullmatch("(0x)?[0-9a-f]{1,5}", value):
                keys.append(f"lid {int(value, 16 if value.startswith('0x') else 10)}")
    return keys


def _processor(root: Element) -> str:
    """Tell the generation of the processors, if the file does; the first one that is told counts.

    Machines, sockets and, in new files, the whole say what they are.
    """
    objects = [root, *root.all("object")]
    objects += [inner for each in objects[1:] for inner in each.all("object")]
    said: dict[str, str] = {}
    for each in objects:
        for info in each.all("info"):
            said.setdefault(info.get("name"), info.get("value"))
    model = said.get("CPUModelNumber", "")
    number = int(model) if re.fullmatch("[0-9]{1,4}", model, re.ASCII) else 0
    return generation(said.get("Architecture", ""), said.get("CPUVendor", ""), number) or ""


def _rate(each: Element) -> Fraction | None:
    """Read the speed of the link towards the processor, GB/s; 0 stands for unknown."""
    text = each.get("pci_link_speed", "0")
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,9})?", text, re.ASCII):
        raise each.fault(f"pci_link_speed is {show_value(text)}, expected GB/s")
    return Fraction(text) * 10**9 or None


def _draft(host: _Host, root: Element, name: str) -> Draft:
    """Join sockets, and read the matrices of direct links."""
    sockets, notes = host.sockets, []
    if not host.gpus:
        sockets = [each._replace(role=RANK, kind="socket") for each in sockets]
        notes.append("no GPU in it: the sockets are the ranks")
    medium = f"CPU {_processor(root)}".strip()
    between = [Cable(a.name, b.name, medium) for a, b in combinations(sockets, 2)]
    direct = [
        cable
        for each in root.children
        if each.tag in ("distances2", "distances2hetero") and each.get("name") in MATRICES
        for cable in _matrix(host, each)
    ]
    if len(host.hubs) > 1:
        notes.append(
            f"{len(host.hubs)} NVSwitches are drawn as one: hwloc knows no links of theirs"
        )
    vertices = (*host.gpus, *sockets, *host.others, *host.hubs[:1])
    return Draft(name, vertices, (*bundle(direct), *host.cables, *between), tuple(notes))


def _matrix(host: _Host, each: Element) -> list[Cable]:
    """Read the bandwidths, MB/s, between objects; what is on the diagonal says nothing.

    Raises:
        ValueError: it is not square, or names an object that is not there.
    """
    words = [word for part in each.all("indexes") for word in "".join(part.texts).split()]
    if each.tag == "distances2":
        words = [f"{each.get('type')}:{word}" for word in words]
    values = [word for part in each.all("u64values") for word in "".join(part.texts).split()]
    if len(words) > MOST or len(values) != len(words) ** 2:
        raise each.fault(f"{len(values)} values of {len(words)} objects, expected a square")
    names = [host.by_index.get(word) for word in words]
    source = each.get("name")
    cables = []
    for place, value in enumerate(values):
        src, dst = names[place // len(words)], names[place % len(words)]
        if not re.fullmatch("[0-9]{1,12}", value, re.ASCII):
            raise each.fault(f"found {show_value(value)}, expected MB/s")
        if int(value) and src and dst and src != dst:
            rate = Fraction(int(value) * 10**6)
            kind, halves = MATRICES[source], HUB in (src, dst)
            cables.append(Cable(src, dst, kind, rate, halves=halves, duplex=False, source=source))
    return cables
