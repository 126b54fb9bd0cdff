"""`commplan together`, and what other commands say of a set."""

import json

import pytest

WORDS = ("together", "torus:3x3", "--relays", "forward", "--throughput")
GROUPS = (
    *("--group", "0,4,8:all_reduce:300KB"),
    *("--group", "1,5,6:all_to_all:600KB"),
    *("--group", "2,3,7:all_gather:300KB"),
)


def test_a_set_is_planned_told_checked_and_played(ask, call, tmp_path):
    found = ask(*WORDS, *GROUPS, "-o", "set.json", "--alone", "alone.json")
    assert found["optimal"]
    assert found["seconds"] == pytest.approx(found["bound_seconds"])
    assert found["gain"] >= 1
    assert [each["collective"] for each in found["groups"]] == [
        *("all_reduce", "all_to_all", "all_gather")
    ]
    assert max(each["share"] for each in found["groups"]) <= 1
    checked = ask("verify", "set.json")
    assert checked["correct"]
    assert checked["optimal"]
    separate = ask("verify", "alone.json")
    assert separate["correct"]
    assert separate["seconds"] == pytest.approx(found["alone_seconds"])
    played = ask("simulate", "set.json", "--sharing", "fair")
    assert played["predicted_seconds"] >= found["seconds"] * (1 - 1e-9)
    assert "3 collectives together on torus:3x3" in call("verify", "set.json").stdout


def test_at_small_sizes_what_is_predicted_to_be_over_soonest_is_taken(ask):
    most = ask(*WORDS, *GROUPS, "-o", "most.json")
    taken = ask(*(word for word in WORDS if word != "--throughput"), *GROUPS, "-o", "set.json")
    assert taken["predicted_seconds"] <= min(
        most["predicted_seconds"], most["alone_predicted_seconds"] / 0.98
    )
    assert taken["bound_seconds"] == most["bound_seconds"]
    assert taken["gain"] == pytest.approx(most["gain"])
    assert taken["reason"]


def test_a_list_says_the_same_as_words(ask, tmp_path):
    (tmp_path / "set.csv").write_text(
        'ranks,collective,bytes\n"0,4,8",all_reduce,300KB\n# later\n"1,5,6",all_to_all,600KB\n'
    )
    first = ask(*WORDS, "--list", "set.csv", "-o", "a.json")
    second = ask(*WORDS, *GROUPS[:4], "-o", "b.json")
    assert first["seconds"] == second["seconds"]


def test_ranks_are_cut_into_groups(ask):
    found = ask("together", "torus:4x4", "--group", "all/4:all_gather:1MiB", "-o", "a.json")
    assert [each["ranks"] for each in found["groups"]][1] == [4, 5, 6, 7]
    found = ask("together", "torus:4x4", "--group", "all%4:broadcast:1MiB", "-o", "b.json")
    assert [each["ranks"] for each in found["groups"]][1] == [1, 5, 9, 13]


def test_unequal_blocks_and_sends_are_planned_beside_others(ask):
    words = ("together", "torus:4x4", "--relays", "forward", "--throughput")
    rows = ("0-3:all_gatherv:1MB,0,300KB,50KB", "5,6,7,4:all_gatherv:1MB,0,300KB,50KB")
    rows += ("8,10:send:2MB", "12-15:reduce_scatterv:0,1MB,1MB,20KB")
    found = ask(*words, *(word for row in rows for word in ("--group", row)), "-o", "set.json")
    assert found["optimal"]
    assert [each["bytes"] for each in found["groups"]] == [1350000, 1350000, 2000000, 2020000]
    assert found["gain"] > 1.5
    checked = ask("verify", "set.json")
    assert checked["correct"]
    assert checked["optimal"]
    assert ask("simulate", "set.json")["predicted_seconds"] >= found["seconds"]


def test_pipelines_send_beside_collectives(ask, tmp_path):
    (tmp_path / "job.toml").write_text(
        'format = "commplan/job/1"\nname = "small"\n'
        "[layout]\ntp = 2\npp = 2\ndp = 2\n[hidden.pp]\npart = 1.0\n"
        "[[flows]]\ngroup = 'tp'\ncollective = 'all_gather'\nbytes = 1000000\ntimes = 10\n"
        "[[flows]]\ngroup = 'pp'\ncollective = 'send'\nbytes = 800000\ntimes = 5\n"
    )
    ask("job", "job.toml", "dgx-a100", "-o", "PLAN")
    found = ask("together", "--plan", "PLAN", "-o", "set.json")
    each = [(row["collective"], row["bytes"]) for row in found["groups"]]
    assert each.count(("broadcast", 200000)) == 8  # 4 pipelines, half of the bytes each way
    assert each.count(("all_gather", 1000000)) == 4


def test_a_job_says_what_runs_beside_what(ask, tmp_path):
    (tmp_path / "job.toml").write_text(
        'format = "commplan/job/1"\nname = "small"\n'
        "[layout]\ntp = 1\nep = 4\netp = 1\ndp = 8\n"
        "[hidden.dp]\npart = 0.8\n"
        "[[flows]]\ngroup = 'ep'\ncollective = 'all_to_all'\nbytes = 1000000\ntimes = 10\n"
        "[[flows]]\ngroup = 'dp'\ncollective = 'reduce_scatter'\nbytes = 8000000\ntimes = 1\n"
    )
    ask("job", "job.toml", "dgx-a100", "-o", "PLAN")
    found = ask("together", "--plan", "PLAN", "-o", "set.json")
    assert [(each["collective"], each["bytes"]) for each in found["groups"]] == [
        *(("all_to_all", 1000000), ("all_to_all", 1000000)),
        ("reduce_scatter", 800000),  # what falls to one of ten calls
    ]
    assert ask("together", "--plan", "PLAN", "--kinds", "ep", "-o", "ep.json")["optimal"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("together", "torus:3x3", "-o", "a.json"), 2, "expected TOPOLOGY and --group"),
        ((*WORDS, "--group", "0,1", "-o", "a.json"), 2, "RANKS:COLLECTIVE:SIZE"),
        ((*WORDS, "--group", "0:send:1MiB", "-o", "a.json"), 2, "a send has two"),
        ((*WORDS, "--group", "0-3:gatherv:1,2", "-o", "a.json"), 2, "found 2 blocks, expected 4"),
        ((*WORDS, "--group", "0-3:dispatch:nothing", "-o", "a.json"), 2, "no file and no distri"),
        ((*WORDS, "--group", "0,1:sort:1MiB", "-o", "a.json"), 2, "sort"),
        ((*WORDS, "--group", "0,99:all_gather:1MiB", "-o", "a.json"), 2, "99"),
        ((*WORDS, "--group", "0,1:all_gather:much", "-o", "a.json"), 2, "much"),
        ((*WORDS, "--group", "all/4:all_gather:1K", "-o", "a.json"), 2, "no multiple of 4"),
        ((*WORDS, "--list", "none.csv", "-o", "a.json"), 2, "none.csv"),
        (("together", "--plan", "nowhere", "-o", "a.json"), 2, "nowhere"),
        (("together", "torus:3x3", "--plan", "p", "-o", "a.json"), 2, "nothing besides"),
        (
            ("together", "torus:3x3", "--group", "0,4:all_gather:1K", "-o", "a.json"),
            1,
            "fall apart",
        ),
        (
            (*WORDS, *GROUPS[:2], *GROUPS[:2], "-o", "a.json"),
            2,
            "it is the same as 0",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(call, words, code, said):
    result = call(*words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_options_that_mean_nothing_for_a_set_are_refused(ask, call):
    ask(*WORDS, *GROUPS[:2], "-o", "set.json")
    for words in (("simulate", "set.json", "--size", "1MiB"), ("run", "set.json", "--lead", "2")):
        result = call(*words)
        assert result.exit_code == 2
        assert "a set of collectives" in result.stderr
    assert call("verify", "set.json", "--topology", "torus:2x2").exit_code == 2


def test_a_wrong_set_is_not_run(ask, call, tmp_path):
    ask(*WORDS, *GROUPS[:2], "-o", "set.json")
    whole = json.loads((tmp_path / "set.json").read_text())
    whole["tasks"][0]["bytes"] *= 2
    (tmp_path / "wrong.json").write_text(json.dumps(whole))
    assert call("verify", "wrong.json").exit_code == 1
    for command in ("simulate", "run"):
        result = call(command, "wrong.json")
        assert result.exit_code == 1
        assert "wrong set: " in result.stderr


@pytest.mark.mpi
def test_all_run_at_once_over_communicators_of_their_own(ask):
    groups = ("--group", "0,1:all_reduce:40KB", "--group", "0,2,3:all_to_all:60KB")
    ask("together", "star:4", *groups, "-o", "set.json")
    found = ask("run", "set.json", "--iterations", "2", "--warmup", "1", "--type", "int32")
    assert found["wrong"] == 0
    assert found["ranks"] == 4
    assert len(found["each_seconds"]) == 2
