"""Timelines of runs: from rows that programs write to rows by rank and by link."""

import json

import pytest

from runtime.foreign.traces.timeline import LINKS
from runtime.launch import launch
from runtime.launch.mpi import LaunchError
from runtime.launch.timeline import timeline
from tests.runtime.emit.test_mscclpp import schedule

HEAD = "process,action,peer,bytes,step,piece,began,ended\n"


def shown(text):
    """Give the stretches by process and row, and what rows are called."""
    events = json.loads(text)["traceEvents"]
    names = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in events
        if event["name"] == "thread_name"
    }
    rows = {}
    for event in events:
        if event["ph"] == "X":
            key = event["pid"], event["tid"]
            rows.setdefault(key, []).append((event["ts"], event["ts"] + event["dur"]))
    return {key: sorted(rows[key]) for key in rows}, names


def test_what_overlaps_stands_in_rows_of_its_own(tmp_path):
    made = schedule("star:3", "all_gather")
    rows = "0,send,1,64,0,0,0.0,0.000004\n0,send,1,64,0,0,0.000001,0.000005\n"
    rows += "1,receive,0,64,0,0,0.000002,0.000006\n1,receive,0,64,0,0,0.000007,0.000008\n"
    rows += "1,copy,0,64,0,0,0.0,0.000001\n"
    (tmp_path / "rows").write_text(HEAD + rows)
    text, seconds = timeline(made, tmp_path / "rows")
    found, names = shown(text)
    assert seconds == 8e-6
    assert [found[key] for key in found if names[key] == "to r1"] == [[(0, 4)], [(1, 5)]]
    assert [found[key] for key in found if names[key] == "from r0"] == [[(2, 6), (7, 8)]]
    assert [names[key] for key in found if key[0] == 1] == ["copies and sums", "from r0"]
    links = [found[key] for key in found if key[0] == LINKS]
    assert links == [[(2, 6), (7, 8)]] * 2  # from the later start of both ends


@pytest.mark.parametrize("text", [None, "", "no,head\n"])
def test_a_program_that_wrote_no_rows_is_told(tmp_path, text):
    if text is not None:
        (tmp_path / "rows").write_text(text)
    with pytest.raises(LaunchError, match="wrote no timeline"):
        timeline(schedule("star:3", "all_gather"), tmp_path / "rows")


@pytest.mark.mpi
@pytest.mark.parametrize("target", ["c", "mpi4py"])
def test_a_run_shows_each_message_at_both_ends(target):
    made = schedule("star:3", "all_reduce")
    texts = []
    measured = launch.run(
        made, [4096], target, iterations=1, warm_up=0, trace=lambda rows: texts.append(rows)
        or texts.append(timeline(made, rows)[0]),
    )  # fmt: skip
    assert measured[0].wrong == 0
    found, names = shown(texts[1])
    ends = [names[key].split()[0] for key in found if key[0] != LINKS for _ in found[key]]
    assert ends.count("to") == ends.count("from") >= 12
    assert ends.count("copies") >= 3
    assert all(begin <= end for rows in found.values() for begin, end in rows)
    assert {key[0] for key in found} == {0, 1, 2, LINKS}
