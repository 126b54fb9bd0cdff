"""What others add: from outside by hand, by entry points, and as docs/extending.md shows it."""

import doctest
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import commplan
from topologies.model.parameters import word
from topologies.presets.shapes import ring

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    return [text for kind, text in BLOCK.findall(PAGE) if kind == language]


def entry_points():
    """Write the entry points of the page as an installer does."""
    (text,) = blocks("toml")
    groups = tomllib.loads(text)["project"]["entry-points"]
    lines = [
        f"[{group}]\n{name} = {value}" for group in groups for name, value in groups[group].items()
    ]
    return "\n".join(lines)


@pytest.fixture
def acme(install, tmp_path, monkeypatch):
    """Install the package of the page."""
    modules = {}
    for text in blocks("python"):
        name = re.match(r"# (\w+/\w+)\.py\n", text)
        modules[name[1]] = text
    monkeypatch.chdir(tmp_path)
    Path("dies.txt").write_text(blocks("text")[0])
    return install("commplan-acme", entry_points(), modules)


def test_the_commands_of_the_page_answer_what_it_says(acme, call):
    for block in blocks("console"):
        for line in re.split(r"^\$ commplan ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = line.partition("\n")
            result = call(*shlex.split(command))
            assert result.exit_code in (0, 1, 2), command
            if expected:
                assert result.output == expected, command
    assert Path("star.txt").read_text() == "0: r0 -> r1\n0: r0 -> r2\n"
    assert Path("near.csv").read_text().splitlines()[0].replace(" ", "") == "0,4096,4096,0"


def test_the_library_does_what_the_page_says(acme):
    text = "\n".join(blocks("pycon"))
    found = doctest.DocTestParser().get_doctest(text, {}, "extending.md", None, 0)
    assert doctest.DocTestRunner().run(found).failed == 0


def test_a_new_process_knows_what_is_installed_and_tells_what_is_broken(acme, install):
    install("commplan-ruin", "[commplan.presets]\nruin = no_such_module:POD\n", {})
    command = [sys.executable, "-m", "commplan", "topologies"]
    paths = {"PYTHONPATH": f"{acme}:{ROOT}"}
    told = subprocess.run(command, capture_output=True, text=True, env=paths, check=True)
    assert told.stdout.splitlines()[-1].split(maxsplit=4)[0::4] == [
        "acme-pod:4",
        "Acme pod, two dies on each board",
    ]
    assert told.stderr == (
        "commplan: package commplan-ruin: machine 'ruin' cannot be imported: "
        "ModuleNotFoundError: No module named 'no_such_module'\n"
    )


@pytest.fixture
def registered():
    """Register by hand, and forget it again."""
    done = []

    def register(registry, name, thing):
        registry.register(name, thing)
        done.append((registry, name))

    yield register
    for registry, name in done:
        registry.remove(name)


def test_a_machine_is_registered_from_outside(registered):
    one = commplan.Preset(lambda n: ring(n + 1), {"n": int}, "more:2", "", lambda given: 9)
    registered(commplan.PRESETS, "more", one)
    assert commplan.topology("more:2").ranks == 3
    assert commplan.catalogue()[-1].name == "more"


def test_a_format_is_registered_from_outside(registered, tmp_path):
    plain = commplan.Format(
        (".ranks",),
        lambda text: ring(int(text)),
        lambda made: str(made.ranks),
        lambda text: text.isdigit(),
    )
    registered(commplan.FORMATS, "ranks", plain)
    commplan.save_topology(ring(5), tmp_path / "m.ranks")
    (tmp_path / "m.ranks").rename(tmp_path / "nameless")
    assert commplan.load_topology(tmp_path / "nameless").ranks == 5


def template(make):
    return commplan.Template(make, ("all_gather",))


def test_a_template_is_registered_from_outside(registered):
    direct = commplan.TEMPLATES["direct"].make
    registered(commplan.TEMPLATES, "mine", template(lambda *given: direct(*given)))
    what = commplan.collective("all_gather", range(3))
    made = commplan.plan(ring(3), what, size=64)
    assert "mine" in [each.name for each in made.candidates]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda *_: 1 // 0, "ZeroDivisionError: integer division or modulo by zero"),
        (
            lambda machine, _: commplan.TEMPLATES["ring"].make(
                machine, commplan.collective("reduce_scatter", range(3))
            ),
            "it is of another machine or collective",
        ),
        (
            lambda machine, what: replace(
                (made := commplan.TEMPLATES["ring"].make(machine, what)),
                transfers=made.transfers.rows(np.arange(len(made.transfers) - 1)),
            ),
            ".*",
        ),
    ],
)
def test_a_template_that_is_wrong_is_left_out_with_a_warning(registered, make, why):
    registered(commplan.TEMPLATES, "mine", template(make))
    what = commplan.collective("all_gather", range(3))
    with pytest.warns(commplan.PluginError, match=f"^template 'mine' is left out: {why}"):
        made = commplan.plan(ring(3), what, size=64)
    assert made.report.correct
    assert "mine" not in [each.name for each in made.candidates]


def throughput_solver(change=lambda made: made):
    """Make a solver of what no solver of ours is for."""

    def solve(topology, collective, group, watch):
        return change(commplan.TEMPLATES["direct"].make(topology, collective))

    return commplan.Solver(solve, lambda what: what.name == "all_gather")


def planned_with(solver, name="all_gather"):
    what = commplan.collective(name, range(3))
    return commplan.plan(ring(3), what, options=commplan.SolverOptions(solver=solver))


def test_a_solver_is_registered_from_outside(registered):
    registered(commplan.SOLVERS, "mine", throughput_solver())
    made = planned_with("mine")
    assert made.report.correct
    assert made.schedule.provenance["solver"] == "mine"
    assert planned_with(None).schedule.provenance["solver"] == "forest"  # ours come first
    with pytest.raises(commplan.SolverError, match=r"^broadcast: solver 'mine' is not for its"):
        planned_with("mine", "broadcast")
    with pytest.raises(commplan.ArgumentError, match=r"^no solver is named 'other'"):
        planned_with("other")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda made: 1 // 0, "failed: ZeroDivisionError: integer division or modulo by zero$"),
        (lambda made: None, "gave a NoneType, expected a Schedule$"),
        (
            lambda made: replace(made, topology=ring(4)),
            "gave a schedule of another machine or collective$",
        ),
        (
            lambda made: replace(made, transfers=made.transfers.rows(np.arange(2))),
            "made a wrong schedule: ",
        ),
    ],
)
def test_a_solver_that_is_wrong_is_named(registered, change, why):
    registered(commplan.SOLVERS, "mine", throughput_solver(change))
    with pytest.raises(commplan.SolverError, match=f"^solver 'mine' {why}"):
        planned_with("mine")


def test_a_target_is_registered_from_outside(registered):
    shout = commplan.Target(
        lambda schedule, end="?": f"{schedule.collective.name}{end}", {"end": word("!", "?")}
    )
    registered(commplan.TARGETS, "shout", shout)
    made = commplan.plan(ring(3), commplan.collective("all_gather", range(3))).schedule
    assert commplan.emit(made, "shout") == "all_gather?"
    assert commplan.emit(made, "shout:end=!") == "all_gather!"
    with pytest.raises(commplan.ProgramError, match=r"^shout:end=x: end is 'x', expected ! or \?$"):
        commplan.emit(made, "shout:end=x")
    with pytest.raises(commplan.ProgramError, match=r"^c:x=1: no parameter is named 'x'"):
        commplan.emit(made, "c:x=1")


def test_a_distribution_is_registered_from_outside(registered):
    one = commplan.Distribution(lambda ranks: np.eye(ranks, dtype=np.int64), {}, 7, "")
    registered(commplan.DISTRIBUTIONS, "self", one)
    assert commplan.demand("self", 2).tolist() == [[7, 0], [0, 7]]
