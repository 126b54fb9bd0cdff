"""Pages of docs are run as the README is, and print what they print there."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
from click.testing import CliRunner

from bench.readme import EXPENSIVE, PAGES, README, blocks, differences, run, write_files
from commplan.cli.group import commands
from runtime.launch.mpi import find
from runtime.launch.process import run_limited

TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES if page != README}
LISTED = [(name, call) for name, text in TEXTS.items() for b in blocks(text) for call in b.calls]
EVERY = [(name, call) for name, call in LISTED if call.words[0] == "commplan"]
CALLS = [(name, call) for name, call in EVERY if call.words[1] != "fabric"]
UNDER_MPIRUN = {"library.md", "frameworks.md"}
FABRIC = [call for _, call in EVERY if call.words[1] == "fabric"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {name: tmp_path_factory.mktemp(name.removesuffix(".md")) for name in TEXTS}
    for name, folder in made.items():
        write_files(TEXTS[name], folder)
    return made


@pytest.mark.usefixtures("thorough")
@pytest.mark.parametrize(
    ("name", "call"),
    [
        pytest.param(*c, marks=[pytest.mark.mpi] * (c[1].words[1] == "run"), id=c[1].command)
        for c in CALLS
    ],
)
def test_a_command_prints_what_the_page_says(folders, name, call, monkeypatch):
    if any(word in call.command for word in EXPENSIVE):
        pytest.skip("takes long: `python -m bench.readme` runs it")
    monkeypatch.chdir(folders[name])  # in this process: those of the README have their own
    told = CliRunner().invoke(commands, call.words[1:])
    lines = [line.rstrip() for line in (told.stdout + told.stderr).splitlines()]
    assert differences(call, lines) == []


@pytest.mark.mpi
def test_the_emulated_machine_does_what_the_page_says(folders):
    try:
        first = run(FABRIC[0], folders["fabric.md"])
        if any(line.startswith("commplan: ") for line in first):
            pytest.skip(f"no emulated machine here: {first[-1]}")
        assert differences(FABRIC[0], first) == []
        for call in FABRIC[1:]:
            assert differences(call, run(call, folders["fabric.md"])) == []
    finally:
        run(FABRIC[-1], folders["fabric.md"])


@pytest.mark.parametrize("name", sorted(TEXTS.keys() - UNDER_MPIRUN))
def test_the_blocks_of_python_run(name):
    for block in blocks(TEXTS[name]):
        if block.language == "python":
            exec(compile(block.text, name, "exec"), {})


@pytest.mark.parametrize("name", sorted(UNDER_MPIRUN))
def test_every_block_of_python_is_python(name):
    for block in blocks(TEXTS[name]):
        if block.language == "python":
            compile(block.text, name, "exec")


@pytest.mark.mpi
@pytest.mark.parametrize(("number", "package"), [(0, "torch"), (1, "torch"), (2, "jax")])
def test_the_scripts_of_the_frameworks_run_under_mpirun(tmp_path, number, package):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed (extra: {package})")
    python = [block.text for block in blocks(TEXTS["frameworks.md"]) if block.language == "python"]
    script, mpi = tmp_path / "script.py", find()
    script.write_text(python[number], encoding="utf-8")
    command = [*mpi.command_line(4), sys.executable, "-m", "mpi4py", str(script)]
    ended = run_limited(command, mpi.environment(100), 100)
    assert ended.code == 0, ended.errors


@pytest.mark.mpi
def test_the_blocks_of_the_library_run_under_mpirun(tmp_path, monkeypatch):
    python = [block.text for block in blocks(TEXTS["library.md"]) if block.language == "python"]
    planning, executing, calling = python[:3]
    monkeypatch.chdir(tmp_path)
    exec(compile(planning, "library.md", "exec"), {})
    prelude = (
        "import commplan, numpy as np\nfrom types import SimpleNamespace\n"
        'plan = SimpleNamespace(schedule=commplan.load_schedule("box.json.gz"))\n'
    )
    proof = (
        "assert (executor.result().reshape(8, -1) == np.arange(8)[:, None]).all()\n"
        "assert (gradients == 3.5).all()\n"
        "assert (received.reshape(8, -1) == np.arange(8)[:, None]).all()\n"
    )
    script = tmp_path / "inside.py"
    script.write_text("\n".join([prelude, executing, calling, proof]), encoding="utf-8")
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
