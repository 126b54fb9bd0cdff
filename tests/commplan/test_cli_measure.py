import gzip
import json

import pytest

from solvers.schedules.files import save
from tests.support.differing import differing


def test_a_right_schedule_is_right_down_to_its_program(ask, ring4):
    found = ask("verify", "ring4.json")
    assert found["correct"] is found["optimal"] is found["program_checked"] is True
    assert found["faults"] == []


def test_a_person_sees_the_proof(call, ring4):
    assert call("verify", "ring4.json").stdout.splitlines() == [
        "all_reduce on ring:4, 4 ranks: right",
        "  bound     33.3333 GB/s (reduce-broadcast trees)",
        "  achieved  33.3333 GB/s, optimal: proved",
        "  scratch   0.001465 of the size, at most, on a rank",
        "  program   run in memory, right",
        "  bits      the same at all ranks",
    ]


def test_a_sum_with_different_bits_is_told_and_no_program_is_made_of_it(call, ask, tmp_path):
    save(differing(), tmp_path / "direct.json")
    found = ask("verify", "direct.json")
    assert found["correct"]
    assert found["bits"].startswith("different at some ranks")
    for words in (["emit", "--target", "c", "-o", "x.c"], ["run", "--size", "64"]):
        refused = call(words[0], "direct.json", *words[1:])
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "different bits" in refused.stderr
    assert not (tmp_path / "x.c").exists()


def test_a_wrong_schedule_is_refused_with_its_faults(call, ring4):
    content = json.loads(ring4.read_text())
    steps = content["transfers"]["step"]
    content["transfers"]["step"] = [0] * len(steps)
    ring4.write_text(json.dumps(content))
    result = call("verify", "ring4.json", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (answer["correct"], answer["optimal"]) == (False, False)
    assert answer["faults"]
    for words in (["simulate", "--size", "4"], ["emit", "--target", "c", "-o", "x.c"]):
        refused = call(words[0], "ring4.json", *words[1:])
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr.startswith("commplan: wrong schedule: ")


def test_a_claim_beyond_the_certificate_is_refused(call, ring4):
    content = json.loads(ring4.read_text())
    content["bound"]["algbw"] = "1/1"
    ring4.write_text(json.dumps(content))
    result = call("verify", "ring4.json")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "all_reduce on ring:4, 4 ranks: wrong",
        "  bound: the certificate proves 33.3333333 GB/s, not 1e-09 GB/s",
    ]


@pytest.mark.parametrize("command", [["verify"], ["simulate", "--size", "1MiB"]])
def test_no_file_a_torn_file_and_no_schedule_are_told(call, tmp_path, ring4, command):
    whole = gzip.compress(ring4.read_bytes())
    (tmp_path / "torn.json.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "other.json").write_text('{"format": "something else"}')
    for file, said in (
        ("none.json", "no such file or directory"),
        ("torn.json.gz", "gzip: cut short"),
        ("other.json", "format: found 'something else', expected 'commplan/schedule/1'"),
    ):
        result = call(command[0], file, *command[1:])
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"commplan: {file}: {said}\n"


def test_a_file_for_another_machine_is_refused(call, ring4):
    assert call("verify", "ring4.json", "--topology", "ring:4").exit_code == 0
    result = call("verify", "ring4.json", "--topology", "star:4")
    assert result.exit_code == 2
    assert result.stderr.startswith("commplan: ring4.json: made for ring:4 (")


def test_simulate_predicts_and_says_what_binds(ask, call, ring4):
    found = ask("simulate", "ring4.json", "--size", "64MiB")
    assert found["predicted_seconds"] >= 64 * 2**20 / (100e9 / 3)
    assert found["algbw_GBps"] == pytest.approx(64 * 2**20 / found["predicted_seconds"] / 1e9)
    assert found["busbw_GBps"] == pytest.approx(found["algbw_GBps"] * 3 / 2)
    assert "busy" in found["bottleneck"]
    lines = call("simulate", "ring4.json", "--size", "64MiB").stdout.splitlines()
    assert lines[0] == "all_reduce on ring:4, 4 ranks, 64 MiB"
    assert [line.split()[0] for line in lines[1:]] == ["predicted", "algbw", "busbw", "bottleneck"]


def test_a_lead_and_a_way_of_sharing_may_be_asked_for(ask, call):
    call("compile", "irregular:seed=0", "broadcast", "-o", "irregular.json")
    told = [
        ask("simulate", "irregular.json", "--size", "64MiB", "--lead", lead, "--sharing", sharing)
        for lead, sharing in (("1", "fifo"), ("3", "fifo"), ("3", "fair"))
    ]
    assert [found["lead"] for found in told] == [1, 3, 3]
    assert told[0]["predicted_seconds"] > 1.2 * told[1]["predicted_seconds"]
    assert told[2]["predicted_seconds"] != told[1]["predicted_seconds"]
    assert told[1]["messages"] == 10 * told[1]["chunks"]
    assert told[1]["least_message"] == pytest.approx(2**26 / told[1]["chunks"])


def test_storing_before_forwarding_takes_longer(ask, call):
    call("compile", "star:4", "all_gather", "-o", "star.json")
    times = [
        ask("simulate", "star.json", "--size", "1MiB", "--switching", switching)[
            "predicted_seconds"
        ]
        for switching in ("cut-through", "store-and-forward")
    ]
    assert times[0] < times[1]


def test_simulate_writes_a_timeline_or_nothing(ask, call, ring4, tmp_path):
    found = ask("simulate", "ring4.json", "--size", "64KiB", "--trace", "t.json")
    assert found["trace_seconds"] == pytest.approx(found["predicted_seconds"], rel=0.05)
    assert json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    for words, said in ((("--sharing", "fair"), "not drawn"), ((), "ending")):
        name = "u.json" if words else "u.xml"
        refused = call("simulate", "ring4.json", "--size", "64KiB", "--trace", name, *words)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert said in refused.stderr
        assert not (tmp_path / name).exists()
