"""`commplan job`: from a job and a machine to a folder that launchers and processes load."""

import csv
import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

import commplan
from commplan.cli.group import commands
from commplan.jobs import folder
from runtime.launch.process import run_limited

JOB = """\
format = "commplan/job/1"
name = "small"
[model]
layers = 4
hidden = 256
heads = 4
vocabulary = 1000
experts = 4
top_k = 2
expert = 128
sequence = 256
[layout]
tp = 2
ep = 2
dp = 2
[batch]
sequences = 4
"""


ROWS = """\
# tp=2 dp=2
group,collective,bytes,times
tp,all_reduce,64KiB,2
dp,all_gather,64KiB,1
"""


BESIDE = """\
format = "commplan/job/1"
name = "experts beside gradients"
[layout]
tp = 1
ep = 2
etp = 1
dp = 4
[hidden.dp]
part = 1.0
[[flows]]
group = "ep"
collective = "all_to_all"
bytes = 1000000
times = 10
[[flows]]
group = "dp"
collective = "reduce_scatter"
bytes = 20000000
times = 1
"""


@pytest.fixture
def job_file(tmp_path):
    (tmp_path / "job.toml").write_text(JOB)
    return "job.toml"


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Plan once for all tests that only read."""
    folder = tmp_path_factory.mktemp("job")
    (folder / "job.csv").write_text(ROWS)
    some = ("--ranks", "b0.*,b1.g0", "--without-rank", "b0.g0", "--pin", "0=b1.g0")
    words = ["job", str(folder / "job.csv"), "dgx-a100:boxes=2", *some]
    result = CliRunner().invoke(commands, [*words, "-o", str(folder / "PLAN")])
    assert result.exit_code == 0, result.output
    return folder / "PLAN"


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """Plan experts that exchange while gradients are added up."""
    folder = tmp_path_factory.mktemp("beside")
    (folder / "job.toml").write_text(BESIDE)
    words = ["job", str(folder / "job.toml"), "full-mesh:4", "-o", str(folder / "PLAN")]
    result = CliRunner().invoke(commands, words)
    assert result.exit_code == 0, result.output
    return folder / "PLAN"


def test_without_a_machine_it_says_what_is_exchanged(ask):
    found = ask("job", "ub-mesh-moe-2t", "--rate", "50")
    assert round(found["total_bytes"] / 2**30) == 3318
    assert found["job_ranks"] == 1024
    assert found["at_rate"]["step_seconds"] == pytest.approx(found["total_bytes"] / 50e9)


@pytest.mark.parametrize("others", [(), ("--with", "one.csv")])
def test_dead_ranks_pass_nothing_on(ask, tmp_path, others):
    for name, ranks in (("job", 4), ("one", 2)):
        rows = f"# tp={ranks}\ngroup,collective,bytes,times\ntp,all_to_all,1MB,1\n"
        (tmp_path / f"{name}.csv").write_text(rows)
    pins = () if others else ("--pin", "0=r0.1", "--pin", "1=r2.1", "--pin", "2=r1.0")
    ask("job", "job.csv", "mesh:3x3", "--without-rank", "r1.1", *pins, *others, "-o", "PLAN")
    plans = [commplan.load_schedule(path) for path in (tmp_path / "PLAN").rglob("all_*.json.gz")]
    assert len(plans) == 1 + bool(others)
    for plan in plans:
        used = {*plan.transfers.src.tolist(), *plan.transfers.dst.tolist()}
        assert "r1.1" not in {plan.topology.names[rank] for rank in used}
    for table in (tmp_path / "PLAN").rglob("job.json"):
        machine = commplan.job(table.parent).topology
        dead = machine.names.index("r1.1")
        assert dead not in {*machine.src.tolist(), *machine.dst.tolist()}
        for words in (("expect",), ("select", "--target", "mpich", "-o", f"{table.parent.name}.x")):
            assert ask(words[0], str(table.parent), *words[1:])


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_search_without_dead_ranks_says_what_plans_say(ask, jobs):
    words = ("job", "qwen3-235b", "mesh:3x3", "--without-rank", "r0.1")
    for change in ("model.layers=8", "model.experts=16", "layout.etp=1", "batch.sequences=64"):
        words += ("--set", change)
    words += ("--set", "compute.memory_GB=500", "--set", "layout.virtual=1")
    found = ask(*words, "--search", "tp=1..2,pp=1..2,ep=1..4", "--shown", "3", "--jobs", jobs)
    for row in found["layouts"]:
        size = [f"layout.{name}={row['layout'][name]}" for name in ("tp", "ep", "pp", "dp")]
        plan = ask(*words, *(word for each in size for word in ("--set", each)))
        assert row["step"]["seconds"] == pytest.approx(plan["step"]["seconds"], rel=1e-9)


def test_dead_ranks_may_part_a_machine(ask, call, tmp_path):
    rows = "group,collective,bytes,times\ntp,all_to_all,1MB,1\n"
    (tmp_path / "job.csv").write_text(f"# tp=2 pp=2\n{rows}")
    words = ("job", "job.csv", "mesh:2x5", "--without-rank", "r0.2,r1.2")
    apart = ("--pin", "0=r0.0", "--pin", "1=r1.1")  # ranks between them have to pass on
    placed = ask(*words, *apart)["ranks"]
    assert [rank % 5 > 2 for rank in placed] == [False, False, *[placed[2] % 5 > 2] * 2]
    assert call(*words, "--pin", "0=r0.0", "--pin", "1=r0.4").exit_code == 2
    assert call(*words, "--measured", "tp=0.1").exit_code == 0


def test_a_search_without_any_rank_is_refused(call):
    words = ("job", "qwen3-235b", "ring:4", "--without-rank", "0-3", "--search", "tp=1..4")
    assert "no rank of ring:4 may be used" in call(*words).stderr


def test_what_was_measured_is_bounded_without_dead_ranks(ask, call, tmp_path):
    (tmp_path / "job.csv").write_text("# tp=8\ngroup,collective,bytes,times\ntp,all_to_all,8MB,1\n")
    words = ("job", "job.csv", "ring:9", "--without-rank", "4")
    bound = ask(*words)["groups"][0]["bound_seconds"]
    assert call(*words, "--measured", f"tp={0.99 * bound:.9f}").exit_code == 1
    assert call(*words, "--measured", f"tp={1.01 * bound:.9f}").exit_code == 0


def test_a_plan_is_a_folder_that_launchers_load(planned):
    table = json.loads((planned / "job.json").read_text())
    names = commplan.topology("dgx-a100:boxes=2").names
    hosts = [names[rank].partition(".")[0] for rank in table["ranks"]]
    assert (planned / "hostfile").read_text().split() == hosts
    assert (planned / "slurm_hostfile").read_text().split() == hosts
    lines = (planned / "rankfile").read_text().splitlines()
    assert lines[0] == f"rank 0={hosts[0]} slot={table['ranks'][0] % 8}"
    with open(planned / "torchrun.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert hosts[0] == "b1"
    assert [row["host"] for row in rows] == hosts
    assert [int(row["rank"]) for row in rows] == list(range(4))
    assert [int(row["device"]) for row in rows] == [rank % 8 for rank in table["ranks"]]
    for host in set(hosts):  # torchrun starts 0, 1, ... on each, by device
        own = sorted(
            (int(row["device"]), int(row["local_rank"])) for row in rows if row["host"] == host
        )
        assert [number for _, number in own] == list(range(len(own)))
    servers = json.loads((planned / "hccl_ranks.json").read_text())["server_list"]
    seats = {int(d["rank_id"]): s["server_id"] for s in servers for d in s["device"]}
    assert [seats[rank] for rank in range(4)] == hosts
    for row in table["schedules"]:
        schedule = commplan.load_schedule(str(planned / row["file"]))
        assert commplan.verify(schedule).correct


def test_hosts_that_launchers_would_misread_have_no_hostfile(call, tmp_path):
    names = ["a b.0", "a b.1"]
    link = {"src": names[0], "dst": names[1], "bandwidth_GBps": 1, "duplex": True}
    machine = {"format": "commplan/topology/1", "name": "m", "ranks": names, "links": [link]}
    (tmp_path / "m.json").write_text(json.dumps(machine))
    (tmp_path / "job.csv").write_text(
        "# tp=2\ngroup,collective,bytes,times\ntp,all_gather,4MiB,1\n"
    )
    found = call("job", "job.csv", "m.json", "-o", "PLAN")
    assert found.exit_code == 0, found.stderr
    assert "no hostfile, rankfile, slurm_hostfile, torchrun.csv: 'a b' is no host" in found.stdout
    assert not (tmp_path / "PLAN" / "hostfile").exists()


@pytest.mark.mpi
def test_processes_get_the_communicators_of_their_groups(planned, mpi):
    script = Path(__file__).with_name("run_groups.py")
    words = [sys.executable, "-m", "mpi4py", str(script), str(planned)]
    ended = run_limited([*mpi.command_line(4), *words], mpi.environment(60), 60)
    assert (ended.code, ended.output) == (0, ["right"]), ended.errors


@pytest.mark.mpi
@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed (extra: torch)")
def test_groups_of_torch_run_the_schedules_of_the_plan(planned, mpi):
    script = Path(__file__).with_name("run_torch_groups.py")
    words = [sys.executable, "-m", "mpi4py", str(script), str(planned)]
    ended = run_limited([*mpi.command_line(4), *words], mpi.environment(90), 90)
    assert (ended.code, ended.output[-1:]) == (0, ["right"]), ended.errors


def test_what_runs_at_the_same_time_is_planned_as_one_where_that_gains(beside, planned, ask):
    rows = json.loads((beside / "job.json").read_text())["together"]
    assert {(row["group"], row["collective"]) for row in rows} == {
        ("ep", "all_to_all"),
        ("dp", "reduce_scatter"),
    }
    for row in rows:
        assert row["alone_seconds"] == pytest.approx(1.5 * row["seconds"])
        found = ask("verify", str(beside / row["file"]))
        assert found["optimal"]
        assert found["seconds"] == pytest.approx(row["bound_seconds"])
    shared = commplan.job(beside).settings_of([0, 1])[1]["schedules"]
    assert shared == str(beside / "together" / "ep-0")
    alone = commplan.job(beside, together=False).settings_of([0, 1])[1]["schedules"]
    assert alone == str(beside / "ep-0")
    assert not json.loads((planned / "job.json").read_text())["together"]


def test_a_symmetry_of_one_collective_need_not_keep_the_roots_of_another(ask, tmp_path):
    more = "[[flows]]\ngroup = 'ep'\ncollective = 'broadcast'\nbytes = 100000\ntimes = 10\n"
    (tmp_path / "job.toml").write_text(BESIDE + more)
    found = ask("job", "job.toml", "torus:2x2", "-o", "PLAN")["together"]
    assert {row["collective"] for row in found if row["group"] == "ep"} == {
        *("all_to_all", "broadcast")
    }
    assert all(ask("verify", f"PLAN/{row['file']}")["correct"] for row in found)


@pytest.mark.mpi
def test_groups_run_their_parts_of_the_set(beside, mpi):
    script = Path(__file__).with_name("run_beside.py")
    words = [sys.executable, "-m", "mpi4py", str(script), str(beside)]
    ended = run_limited([*mpi.command_line(4), *words], mpi.environment(60), 60)
    assert (ended.code, ended.output) == (0, ["together right", "alone right"]), ended.errors


def test_rules_and_expectations_are_those_of_the_groups(planned, ask, call, tmp_path):
    table = json.loads((planned / "job.json").read_text())
    with open(planned / "expectations.csv", encoding="utf-8") as file:
        listed = {(row["group"], row["collective"]): row for row in csv.DictReader(file)}
    rows = ask("expect", str(planned))["rows"]
    assert {(row["group"], row["collective"]) for row in rows} == set(listed)
    for row in rows:
        own = listed[row["group"], row["collective"]]
        assert int(own["bytes"]) == row["size"]
        assert float(own["bound_seconds"]) == pytest.approx(row["bound_seconds"], rel=1e-6)
    rules = ("select", str(planned), "--target")
    written = ask(*rules, "mpich", "-o", str(tmp_path / "rules.json"))
    assert {rule["processes"] for rule in written["rules"]} == {
        len(row["ranks"]) for kind in ("tp", "dp") for row in table["groups"][kind]
    }
    assert "one kind by --group" in call(*rules, "nccl", "-o", "x").stderr
    assert "no group is named" in call("expect", str(planned), "--group", "pp").stderr


def test_a_placement_is_told_with_seconds_and_bounds(job_file, ask):
    found = ask("job", job_file, "dgx-a100:boxes=1", "--set", "compute.chip=H100")
    assert sorted(found["placement"]) == list(range(4))
    assert found["bound_seconds"] <= found["exposed_seconds"] <= found["step_seconds"]
    rows = {(row["name"], row["collective"]): row for row in found["groups"]}
    assert {name for name, _ in rows} == {"tp", "ep", "etp", "dp"}
    assert rows["tp", "all_gather"]["size"] == rows["tp", "all_gather"]["count"] == 2
    assert all(0 < row["bound_seconds"] <= row["seconds"] for row in found["groups"])


def test_a_second_job_keeps_off_the_ranks_of_the_first(planned, ask, call):
    taken = json.loads((planned / "job.json").read_text())["ranks"]
    words = ("job", str(planned.parent / "job.csv"), "--beside", str(planned))
    found = ask(*words[:2], "dgx-a100:boxes=2", *words[2:])
    assert not set(found["ranks"]) & set(taken)
    assert "expected ring:8" in call(*words[:2], "ring:8", *words[2:]).stderr


def test_several_jobs_are_placed_at_once(planned, ask, call, tmp_path):
    words = ("job", str(planned.parent / "job.csv"), "dgx-a100:boxes=1")
    found = ask(*words, "--with", words[1], "-o", str(tmp_path / "BOTH"))
    rows = [own["placement"] for own in found["jobs"]]
    assert sorted(rows[0] + rows[1]) == list(range(8))
    assert found["bound_seconds"] <= found["exposed_seconds"] <= found["in_turn_seconds"]
    for number, row in enumerate(rows):
        table = json.loads((tmp_path / "BOTH" / f"job-{number}" / "job.json").read_text())
        assert table["ranks"] == row
    told = call(*words, "--with", words[1]).stdout
    assert told.count("what  ") == told.count("a step's  ") == 2  # of each its own
    assert "expected at most the 8" in call(*words, *("--with", words[1]) * 2).stderr
    assert "--with takes" in call(*words, "--with", words[1], "--pin", "0=b0.g0").stderr


def test_a_folder_is_written_whole_or_not_at_all(job_file, call, tmp_path, monkeypatch):
    def interrupt(place, *_):
        (place / "job.json").write_text("{", encoding="utf-8")
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "_write", interrupt)
    words = ("job", job_file, "dgx-a100:boxes=1", "-o")
    result = call(*words, str(tmp_path / "NEW"))
    assert (result.exit_code, result.stderr) == (130, "commplan: interrupted\n")
    assert [each.name for each in tmp_path.iterdir()] == ["job.toml"]
    for words in ((), ("--with", job_file)):  # where nobody can make a folder
        result = call("job", job_file, "dgx-a100:boxes=2", *words, "-o", "/proc/commplan")
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        assert "expected a folder to write to" in result.stderr


def test_what_was_measured_is_judged(call, job_file, tmp_path):
    changes = ("--set", "model.copies=4", "--set", "model.dispatch_bytes=2")
    words = ("job", "deepseek-v3", "dgx-h100:boxes=256", *changes)
    found = call(*words, "--measured", "EP dispatch=3405e-6")
    assert found.exit_code == 1
    assert "bound 4.114 ms: impossible" in found.stdout
    small = ("job", job_file, "dgx-a100", "--measured")
    assert "expected NAME=SECONDS" in call(*small, "EP").stderr
    assert "no flow is named" in call(*small, "EP=1").stderr
    planned = call(*small, "EP dispatch=1e-9", "-o", str(tmp_path / "PLAN"))
    assert planned.exit_code == 1  # also where schedules are written
    assert (tmp_path / "PLAN" / "job.json").exists()


def test_a_plan_has_a_page(planned, tmp_path, call):
    page = tmp_path / "page.html"
    assert call("report", str(planned), "-o", str(page)).exit_code == 0
    assert "all_reduce" in page.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["job.toml", "-o", "PLAN"], "need a TOPOLOGY"),
        (["job.toml", "--set", "compute.memory_GB=0.01"], "GB as it is laid out, expected at most"),
        (["job.toml", "--set", "compute.efficiency=0"], "compute.efficiency: expected"),
        (["job.toml", "dgx-a100", "--set", "layout.dp=3"], "expected a multiple of dp x micro"),
        (["job.toml", "ring:2"], "= 4 ranks, expected at most the 2 of ring:2"),
        (["job.toml", "dgx-a100", "--without-rank", "0-4"], "expected at most the 3 of dgx-a100"),
        (["job.toml", "dgx-a100", "--without-rank", ""], "no rank is named ''"),
        (["job.toml", "dgx-a100", "--pin", "0"], "expected RANK=NAME"),
        (["job.toml", "dgx-a100", "--pin", "0=zz"], "zz"),
        (["job.toml", "dgx-a100", "-o", "job.toml"], "it is"),
        (["gone.toml"], "gone.toml: no such file"),
        (["deepseek-v4"], "nearest: deepseek-v3"),
    ],
)
def test_bad_input_is_told_in_a_line(call, job_file, words, said):
    result = call("job", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.strip().count("\n") <= 3  # click adds how the command is used


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"format": "commplan/job-plan/1"', '"format": "x"', "$.format"),
        ('"ranks": [', '"ranks": [0, 0, ', "job.json"),
        ('"dead": []', '"dead": [8]', "dead: expected ranks of the machine that the job"),
        ('"like": 0', '"like": 77', "does not play the ranks of group 77"),
        ('"like": 0', '"shared": {"like": 77, "plays": []}, "like": 0', "shared: it does not"),
        ("{", "[", "job.json"),
    ],
)
def test_a_folder_that_is_wrong_is_refused_in_a_line(planned, tmp_path, old, new, said):
    (tmp_path / "job.json").write_text((planned / "job.json").read_text().replace(old, new))
    shutil.copy(planned / "machine.json", tmp_path)
    with pytest.raises(commplan.JobError) as caught:
        commplan.job(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_schema_is_printed(call):
    result = call("job", "--schema")
    assert result.exit_code == 0
    assert "Layout" in json.loads(result.output)["$defs"]


def test_layouts_are_ranked_and_experts_are_placed(ask, tmp_path):
    words = ["--set", "model.layers=8", "--set", "model.experts=16", "--set", "layout.etp=1"]
    words += ["--set", "batch.sequences=64", "--search", "tp=1..2,pp=1..2,ep=1..8,virtual=1"]
    found = ask("job", "qwen3-235b", "dgx-h100:boxes=2", *words, "--shown", "2")
    steps = [row["step"]["seconds"] for row in found["layouts"]]
    assert len(steps) == 2
    assert steps == sorted(steps)
    made = ask("experts", "gini:experts=16", "--ranks", "4", "--slots", "5", "-o", "experts.json")
    assert made["layers"][0]["largest"] <= 1.05 * made["layers"][0]["bound"]
    assert "physical_to_logical_map" in json.loads((tmp_path / "experts.json").read_text())
