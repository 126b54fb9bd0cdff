import commplan
from solvers.schedules import files


def test_show_prints_a_schedule_as_str_does(call, ask, ring4):
    text = ask("show", "ring4.json")["text"]
    assert text == str(commplan.load_schedule(ring4))
    assert call("show", "ring4.json").stdout == text + "\n"


def test_show_prints_the_parts_that_are_asked_for(ask, ring4):
    parts = [("--rank", "r1", "--size", "64"), ("--piece", "0"), ("--certificate",)]
    texts = [ask("show", "ring4.json", *part)["text"] for part in parts]
    together = ask("show", "ring4.json", *(word for part in parts for word in part))["text"]
    assert together == "\n\n".join(texts)
    begins = ["program of 4 ranks: 16 elements of float32, sum, ", "piece 0: ", "all_reduce on "]
    assert all(text.startswith(begin) for text, begin in zip(texts, begins, strict=True))


def test_show_leaves_lines_out_unless_all_are_asked_for(ask, ring4):
    asked = ("show", "ring4.json", "--rank", "0")
    short, whole = ask(*asked)["text"], ask(*asked, "--all")["text"]
    assert "more lines (--all shows them)" in short
    assert len(short.splitlines()) < len(whole.splitlines())
    assert "--all" not in whole


def test_show_takes_the_schedule_of_a_set_by_size(call, ask, tmp_path):
    parts = [(1, "ring"), (2**20, "star")]
    schedules = []
    for start, shape in parts:
        machine = commplan.topology(f"{shape}:3")
        made = commplan.plan(machine, commplan.collective("broadcast", range(3), 0))
        schedules.append((start, made.schedule))
    files.save_set(schedules, "set.json")
    assert " on ring:3" in ask("show", "set.json", "--size", "1KiB")["text"]
    assert " on star:3" in ask("show", "set.json", "--size", "2MiB")["text"]
    assert "--size says which" in call("show", "set.json").stderr


def test_show_refuses_what_is_not_there(call, ring4):
    for option, value in (("--rank", "r9"), ("--piece", "9")):
        result = call("show", "ring4.json", option, value)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"commplan: Invalid value for {option}: ")
        assert result.stderr.count("\n") == 1
