"""The README is run, block after block, and prints what it prints there.

`python -m bench.readme --update` writes the outputs of today into it.
"""

import re
import subprocess
import sys
from collections import Counter

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
from runtime.launch.mpi import find

TEXT = README.read_text(encoding="utf-8")
CALLS = [call for block in blocks(TEXT) for call in block.calls]
OURS = [call for call in CALLS if call.words[0] == "commplan"]
# What takes more than a few seconds; `python -m bench.readme` runs it.
EXPENSIVE = ("--sizes", "star:384", "dgx-a100:boxes=4:overhead=0.5")
PYTHON = [block for block in blocks(TEXT) if block.language == "python"]


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
        if call.words[1] != "fabric"
    ],
)
def test_a_command_prints_what_the_readme_says(folder, call):
    if any(word in call.command for word in EXPENSIVE):
        pytest.skip("takes long: `python -m bench.readme` runs it")
    assert differences(call, run(call, folder)) == []


@pytest.mark.mpi
def test_the_emulated_machine_does_what_the_readme_says(folder):
    calls = [call for call in OURS if call.words[1] == "fabric"]
    run(Call("commplan compile two-boxes.toml all_reduce -o sum.json", ()), folder)
    try:
        first = run(calls[0], folder)
        if any(line.startswith("commplan: ") for line in first):
            pytest.skip(f"no emulated machine here: {first[-1]}")
        assert differences(calls[0], first) == []
        for call in calls[1:]:
            assert differences(call, run(call, folder)) == []
    finally:
        run(calls[-1], folder)


def test_no_two_commands_write_one_file():
    written = re.findall(r"-o (\S+)|save_schedule\(\S+ \"(.+?)\"|open\(\"(.+?)\", \"w\"", TEXT)
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
def test_the_blocks_of_the_library_run(tmp_path):
    library, executing, calling = (block.text for block in PYTHON[:3])
    (tmp_path / "library.py").write_text(library, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "library.py"], cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1].endswith(" 0")  # nothing was wrong
    prelude = (
        "import commplan, numpy as np\nfrom types import SimpleNamespace\n"
        'plan = SimpleNamespace(schedule=commplan.load_schedule("box.json.gz"))\n'
    )
    data = (
        "gradients, received = np.ones(64, np.float32), np.zeros(64, np.float32)\n"
        "tokens = np.full(64, MPI.COMM_WORLD.rank, np.float32)\n"
    )
    proof = (
        "assert (executor.result().reshape(8, -1) == np.arange(8)[:, None]).all()\n"
        "assert (gradients == 1).all()\n"
        "assert (received.reshape(8, -1) == np.arange(8)[:, None]).all()\n"
    )
    script = tmp_path / "inside.py"
    script.write_text("\n".join([prelude, executing, data, calling, proof]), encoding="utf-8")
    mpi = find()
    ended = subprocess.run(
        [*mpi.command_line(8), sys.executable, "-m", "mpi4py", str(script)],
        cwd=tmp_path,
        env=mpi.environment(200),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stderr


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
