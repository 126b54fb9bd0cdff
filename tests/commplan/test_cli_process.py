"""The command line as a process: its streams, its signals, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import commplan

HOME = Path(commplan.__file__).parent.parent
FULL = Path("/dev/full")


def start(*words, folder=HOME, **streams):
    """Run `python -m commplan WORDS...` with a folder in front of the path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(HOME)])}
    return subprocess.run(
        [sys.executable, "-m", "commplan", *words],
        cwd=folder,
        env=environment,
        timeout=60,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams,
    )


@pytest.mark.skipif(not FULL.exists(), reason="no device that is full")
@pytest.mark.parametrize(
    "words", [["topologies"], ["topologies", "--json"], ["--help"], ["--version"], ["run", "-h"]]
)
def test_a_full_disk_below_standard_output_is_one_line(words):
    with FULL.open("w") as full:
        ended = start(*words, stdout=full)
    assert ended.returncode == 2
    assert ended.stderr == "commplan: standard output: no space left on device\n"


@pytest.mark.skipif(not FULL.exists(), reason="no device that is full")
def test_errors_that_cannot_be_written_do_not_change_the_answer():
    with FULL.open("w") as full:
        assert start("bogus", stderr=full).returncode == 2


def test_no_standard_output_is_one_line():
    ended = start("topologies", stdout=None, preexec_fn=lambda: os.close(1))
    assert (ended.returncode, ended.stderr) == (2, "commplan: standard output: closed\n")


@pytest.mark.parametrize("words", [["topologies"], ["--help"]])
def test_a_reader_that_has_gone_ends_it_without_a_word(words):
    reader, writer = os.pipe()
    os.close(reader)
    ended = start(*words, stdout=writer)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (-signal.SIGPIPE, "")


def test_what_goes_to_standard_output_is_followed_by_nothing(tmp_path):
    ended = start("topology", "ring:4", "-o", "/dev/stdout", "--json")
    (tmp_path / "ring.json").write_text(ended.stdout)
    assert commplan.load_topology(tmp_path / "ring.json").links == 8
    assert ended.returncode == 0
    assert ended.stderr.startswith('{"name": "ring:4"')


def test_an_interruption_of_the_imports_is_one_line(tmp_path):
    (tmp_path / "click.py").write_text("import os\nos.kill(os.getpid(), 2)\nimport gone\n")
    ended = start("topologies", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "commplan: interrupted\n"


def test_who_is_started_to_ignore_interruptions_does_so(tmp_path):
    (tmp_path / "msgspec.py").write_text("import os\nos.kill(os.getpid(), 2)\nimport gone\n")
    ended = start(
        "topologies",
        folder=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert (ended.returncode, ended.stderr) == (70, "commplan: No module named 'gone'\n")


def test_a_package_that_shadows_ours_is_one_line(tmp_path):
    (tmp_path / "solvers.py").write_text("raise SystemExit('never run')")
    ended = start("topologies", folder=tmp_path)
    assert ended.returncode == 70
    assert ended.stderr.startswith(f"commplan: {tmp_path / 'solvers.py'} shadows commplan's own ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words", [["bound", "ring:3", "all_gather"], ["frontier", "ring:3", "all_gather"]]
)
def test_standard_error_may_be_closed(words):
    # A child of a shell, as subprocess itself cannot close a stream.
    command = f'exec "{sys.executable}" -m commplan {" ".join(words)} 2>&-'
    ended = subprocess.run(
        ["sh", "-c", command], cwd=HOME, stdout=subprocess.PIPE, text=True, timeout=60
    )
    assert ended.returncode == 0
    assert ended.stdout.startswith("all_gather on ring:3")


@pytest.mark.parametrize(
    ("words", "spared"),
    [
        (
            "bound ring:4 all_gather",
            ("ortools.linear_solver", "commplan.candidates", "solvers.flows"),
        ),
        ("compile ring:4 all_gather -o ring.json", ("solvers.flows", "solvers.exact")),
    ],
)
def test_a_command_loads_only_what_it_needs(tmp_path, words, spared):
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "commplan", *words.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HOME)},
        timeout=60,
        text=True,
        capture_output=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "solvers.solve" in loaded
    assert not [name for name in loaded if name.startswith(spared)]


def test_what_is_loaded_before_an_interruption_is_heard_is_little():
    script = "import sys\nold = {*sys.modules}\nimport commplan.cli\nprint(*{*sys.modules} - old)"
    ended = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=HOME, capture_output=True, text=True, timeout=60
    )
    loaded = {name.partition(".")[0] for name in ended.stdout.split()}
    assert "commplan" in loaded
    assert not {"topologies", "numpy", "click", "re"} & loaded


LOADED = """
import os, sys
from commplan.cli import _import_commands
sys.argv[1:] = ["replan"]
_import_commands()
print(len(os.listdir("/proc/self/task")), *sys.modules)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no list of threads")
def test_a_command_starts_no_thread_and_loads_nothing_that_a_small_repair_does_not_need(
    monkeypatch,
):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    ended = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=HOME, capture_output=True, text=True, timeout=60
    )
    threads, *loaded = ended.stdout.split()
    assert threads == "1"
    assert "commplan.changes.replan" in loaded
    large = {"networkx", "rich", "scipy.linalg", "scipy.optimize", "scipy.sparse.csgraph"}
    assert not large & {*loaded}


def test_help_says_what_commands_do_without_docstrings():
    ended = subprocess.run(
        [sys.executable, "-OO", "-m", "commplan", "--help"],
        cwd=HOME,
        timeout=60,
        text=True,
        capture_output=True,
        check=True,
    )
    assert "Plan collective communication" in ended.stdout
    assert "topologies   List" in ended.stdout
