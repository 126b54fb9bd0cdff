"""docs/exchanging.md is run as the README is, and prints what it prints there."""

import pytest

from bench.readme import README, blocks, differences, run, write_files

TEXT = (README.parent / "docs" / "exchanging.md").read_text(encoding="utf-8")
CALLS = [call for block in blocks(TEXT) for call in block.calls]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("exchanging")
    write_files(TEXT, made)
    return made


@pytest.mark.parametrize("call", [pytest.param(call, id=call.command) for call in CALLS])
def test_a_command_prints_what_the_page_says(folder, call):
    assert differences(call, run(call, folder)) == []


def test_the_blocks_of_python_run():
    for block in blocks(TEXT):
        if block.language == "python":
            exec(compile(block.text, "exchanging.md", "exec"), {})
