"""The page about topology files shows one that is read as the machine that it speaks of."""

import re
from pathlib import Path

from topologies.formats import reader, toml_text
from topologies.formats.spec import topology
from topologies.model.topology import digest

PAGE = (Path(__file__).parents[4] / "docs" / "topologies.md").read_text(encoding="utf-8")


def test_the_file_of_the_page_is_the_machine_that_it_was_written_of() -> None:
    [text] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    made = topology("dgx-h100:boxes=4")
    shown = toml_text.read(text)
    assert digest(shown) == digest(made)
    assert shown.symmetry.tolist() == made.symmetry.tolist()
    assert len(toml_text.write(made).splitlines()) == 32


def test_the_page_names_every_field() -> None:
    for fields in (reader.FIELDS, reader.RANK, reader.SWITCH, reader.LINK):
        assert all(f"`{field}" in PAGE or f"{field} =" in PAGE for field in fields)
