"""Files of other kinds are named, each in one line."""

import pytest

from topologies.importers import sources
from topologies.importers.registry import IMPORTERS
from topologies.model.topology import TopologyError

OF = {
    "nccl-nvswitch.xml": "nccl",
    "rccl-ring.xml": "nccl",
    "smi-switch.txt": "nvidia-smi",
    "rank-table-1.2.json": "rank-table",
    "rank-table-2.0.json": "rank-table",
    "ibnetdiscover.out": "ibnetdiscover",
    "slurm-tree.conf": "slurm-conf",
    "slurm-block.conf": "slurm-conf",
    "slurm.yaml": "slurm-yaml",
    "topograph.yaml": "topograph",
    "hwloc-gpus.xml": "hwloc",
    "astra.yml": "astra-sim",
    "edges.csv": "csv",
    "graph.json": "node-link",
    "ring.graphml": "graphml",
}


@pytest.mark.parametrize(("name", "form"), OF.items())
def test_the_text_tells_the_format(sample, name, form):
    assert sources.load(sample(name)) == sources.load(sample(name), form)


@pytest.mark.parametrize("form", IMPORTERS.names())
@pytest.mark.parametrize(("name", "other"), OF.items())
def test_a_file_of_another_format_is_named(sample, name, other, form):
    if form != other:
        with pytest.raises(TopologyError) as told:
            sources.load(sample(name), form)
        assert f"this is {IMPORTERS[other].what}, expected {IMPORTERS[form].what}" in str(
            told.value
        )


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "found an empty file, expected text"),
        (b"\x1f\x8b\x00", "found data packed by gzip"),
        (b"\x00\x01\x02\xff", "found binary data"),
        (b"<system version='1'>\xff</system>", "found binary data"),
        (b"some words", "found text, expected one of nccl"),
        (b"<other/>", "found XML, expected one of nccl"),
        (b"<system version='1'>" + b" " * 20_000_001, "larger than 20 MB"),
    ],
)
def test_what_no_reader_takes_is_told(tmp_path, data, fault):
    path = tmp_path / "file.x"
    path.write_bytes(data)
    with pytest.raises(TopologyError) as told:
        sources.load(str(path))
    assert str(told.value).startswith(f"{path}: {fault}")
    assert len(told.value.faults) == 1
