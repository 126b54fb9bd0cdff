"""The README is run, block after block, and prints what it prints there.

`python -m bench.readme --update` writes the outputs of today into it.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec

import pytest

from bench.contest.arguments import arguments
from bench.readme import (
    README,
    Call,
    blocks,
    differences,
    mask,
    run,
    shape,
    write_files,
    write_outputs,
)
from solvers.registry import SOLVERS

MADE = ("commands.md", "library.md", "formats.md")  # the reference
TEXT = README.read_text(encoding="utf-8")
CALLS = [call for block in blocks(TEXT) for call in block.calls]
OURS = [call for call in CALLS if call.words[0] == "commplan"]
PYTHON = [block for block in blocks(TEXT) if block.language == "python"]


def headings(file):
    """Give the anchors that a page has, as they are made of its headings."""
    found = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with the files that the README shows, which its commands share."""
    made = tmp_path_factory.mktemp("readme")
    write_files(TEXT, made)
    return made


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(call, marks=[pytest.mark.mpi] * (call.words[1] == "run"), id=call.command)
        for call in OURS
    ],
)
def test_a_command_prints_what_the_readme_says(folder, call):
    assert differences(call, run(call, folder)) == []


def test_no_two_commands_write_one_file():
    shown = "".join(block.text for block in blocks(TEXT))
    written = re.findall(r"-o (\S+)|save_schedule\(\S+ \"(.+?)\"|open\(\"(.+?)\", \"w\"", shown)
    named = Counter("".join(names).removesuffix(".gz") for names in written)
    assert [name for name, count in named.items() if count > 1] == []


def test_the_benchmark_under_mpirun_takes_the_flags_of_the_readme():
    [call] = [call for call in CALLS if call.words[0] == "mpirun"]
    place = next(i for i, word in enumerate(call.words) if word.startswith("bench."))
    found = arguments(call.words[place].removeprefix("bench."), 8, call.words[place + 1 :])
    assert found.topology == "dgx-a100"
    assert len(found.sizes) == 3


def test_every_block_of_python_is_python():
    for block in PYTHON:
        compile(block.text, "README.md", "exec")


@pytest.mark.mpi
def test_the_block_of_python_runs(tmp_path):
    [library] = PYTHON
    (tmp_path / "library.py").write_text(library.text, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "library.py"], cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1].endswith(" 0")  # nothing was wrong


def test_every_link_leads_to_a_page_and_a_heading():
    for page in [README, *sorted(README.parent.glob("docs/**/*.md"))]:
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
            name, _, heading = target.partition("#")
            if "reference/" in name:  # made when the site is
                assert name.rpartition("/")[2] in MADE
                continue
            file = page.parent / name if name else page
            assert file.exists(), f"{page.name}: {target}"
            assert not heading or heading in headings(file), f"{page.name}: {target}"


def test_lines_left_out_are_found_again_and_figures_that_differ_are_not_compared():
    printed = ("all_gather on x", "  ...", "  height      2", "  spent       0.1 s, 126 MB")
    call = Call("commplan compile x all_gather -o y", printed)
    found = ["all_gather on x", "  bound  1 GB/s", "  height      2", "  spent       3.0 s, 99 MB"]
    assert shape(call, found) == ["all_gather on x", "  ...", *found[2:]]
    assert differences(call, found) == []
    assert differences(call, [*found[:2], "  height      3", found[3]]) != []
    assert differences(call, [*found, "one more"]) != []
    assert mask(call, found[3]) == mask(call, printed[3])


def test_what_is_printed_today_takes_the_place_of_what_was():
    call = Call("commplan bound x y", ("at most 1 GB/s",))
    text = "```\n$ commplan bound x y\nat most 1 GB/s\n```\n"
    assert write_outputs(text, call, ["at most 2 GB/s"]) == text.replace("1 GB", "2 GB")


def test_every_page_of_docs_has_a_place_on_the_site():
    told = (README.parent / "mkdocs.yml").read_text(encoding="utf-8")
    named = re.findall(r"[\w/-]+\.md", told.partition("\nnav:")[2])
    docs = README.parent / "docs"
    pages = [str(page.relative_to(docs)) for page in docs.glob("**/*.md")]
    assert sorted(named) == sorted([*pages, *(f"reference/{name}" for name in MADE)])


def test_every_page_of_a_solver_says_why_it_is_right_and_where_it_stands():
    root = README.parent
    pages = [p for p in sorted(root.glob("docs/solvers/*.md")) if p.name != "index.md"]
    listed = (root / "docs/solvers/index.md").read_text(encoding="utf-8")
    parts = ["Statement", "Idea", "Proof sketch", "Complexity", "Code", "Source"]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == parts, page.name
        assert f"({page.name})" in listed
        code = text.partition("## Code")[2].partition("## Source")[0]
        for place in re.findall(r"`((?:solvers|commplan)/[\w/.]+)`", code):
            assert (root / place).exists(), f"{page.name}: {place}"
    for name in SOLVERS:
        assert f"`{name}`" in listed


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed (extra: docs)")
def test_the_site_is_built_and_no_link_leads_nowhere(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    ended = subprocess.run(
        command, cwd=README.parent, env=env, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stderr
    assert "commplan compile" in (tmp_path / "reference/commands.html").read_text("utf-8")
