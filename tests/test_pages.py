"""Pages of docs are run as the README is, and print what they print there."""

import pytest

from bench.readme import README, blocks, differences, run, write_files

NAMES = ("exchanging.md", "expectations.md", "failures.md", "selecting.md")
PAGES = {name: (README.parent / "docs" / name).read_text(encoding="utf-8") for name in NAMES}
CALLS = [(name, call) for name, text in PAGES.items() for b in blocks(text) for call in b.calls]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {name: tmp_path_factory.mktemp(name.removesuffix(".md")) for name in PAGES}
    for name, folder in made.items():
        write_files(PAGES[name], folder)
    return made


@pytest.mark.parametrize(("name", "call"), [pytest.param(*c, id=c[1].command) for c in CALLS])
def test_a_command_prints_what_the_page_says(folders, name, call):
    assert differences(call, run(call, folders[name])) == []


@pytest.mark.parametrize("name", PAGES)
def test_the_blocks_of_python_run(name):
    for block in blocks(PAGES[name]):
        if block.language == "python":
            exec(compile(block.text, name, "exec"), {})
