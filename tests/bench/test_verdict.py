"""A benchmark that misses what it aims at says why."""

import pytest
from click.testing import CliRunner

from bench import teccl
from bench.verdict import ended, verdict_on


def test_each_reason_is_a_line_told_once(capsys):
    with pytest.raises(SystemExit) as end:
        ended(["late", "wrong", "late"])
    assert end.value.code == 1
    assert capsys.readouterr().err == "missed: late\nmissed: wrong\n"


def test_without_a_reason_the_end_is_good(capsys):
    with pytest.raises(SystemExit) as end:
        ended([])
    assert end.value.code == 0
    assert capsys.readouterr().err == ""


def test_a_bench_whose_time_is_over_says_so(monkeypatch):
    known = teccl.published()
    rows = [row for row in known.rows if row.topology == known.rows[0].topology][:1]
    shorter = type(known)(
        **{f: getattr(known, f) for f in known.__struct_fields__} | {"rows": rows}
    )
    monkeypatch.setattr(teccl, "published", lambda: shorter)
    monkeypatch.setattr(teccl, "SECONDS", 0.0)
    monkeypatch.setattr(teccl, "ours", lambda row: teccl.Ours(row.finish_s / 2, 1e-9, True))
    result = CliRunner().invoke(teccl.main, [])
    assert result.exit_code == 1
    assert "s for all rows, at most 0 s" in result.stderr


def test_a_wrong_result_and_traffic_gone_astray_have_words_of_their_own():
    assert [verdict_on(True, ["2 elements are wrong"]), verdict_on(False, ["vertex 0 sent 1"])] == [
        " WRONG",
        " ASTRAY",
    ]
    assert verdict_on(False, []) == ""
