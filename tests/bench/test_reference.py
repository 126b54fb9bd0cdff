"""The reference is made from the code, and leaves nothing out."""

import json

import pytest

from bench.reference import docstring, pages
from commplan import library
from commplan.cli.group import PLACES
from commplan.schemas.schemas import KINDS


@pytest.fixture(scope="module")
def made():
    return pages()


def test_every_command_and_its_options_are_there(made):
    text = made["commands.md"]
    for name in PLACES:
        assert f"\n## commplan {name}\n" in text
    for told in (
        "\ncommplan verify plan.json\n",
        "--max-height",
        "--time-limit",
        "## commplan fabric run",
    ):
        assert told in text


def test_every_public_name_is_there_with_what_it_takes(made):
    text = made["library.md"]
    for name in library.__all__:
        assert f"\n### {name}\n" in text
    assert "plan(topology: " in text


def test_every_kind_of_file_is_there_with_its_schema(made):
    for kind in KINDS:
        assert f"\n## {kind}\n" in made["formats.md"]
        assert json.loads(made[f"{kind}.schema.json"])["$schema"]


def test_sections_of_docstrings_become_lists():
    text = "Do it.\n\nArgs:\n    a: one\n        more.\n    b, c: <two>\n\nRaises:\n    Bad: it is."
    assert list(docstring(text)) == [
        *("Do it.", "", "", "*Args*", "", "- `a`: one", "  more."),
        *("- `b, c`: &lt;two>", "", "*Raises*", "", "- `Bad`: it is.", ""),
    ]
