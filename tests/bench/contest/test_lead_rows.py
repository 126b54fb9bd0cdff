"""What bench.leads keeps of launches, and when a case has enough of them."""

from dataclasses import replace

from bench.contest.kept import Kept
from bench.contest.lead_rows import FORMAT, Case, Journal, Launched, Row, split

CASE = Case("star", "broadcast", 2**23, 1)
ONE = Launched("p", 3, False, 8, 1.0, 0.9, 0.95, 1.2, [], False, False)


def _journal(path):
    return Journal(Kept(FORMAT, "mpich", path))


def test_launches_go_on_where_the_file_ends_and_those_of_another_plan_are_left_out(tmp_path):
    journal = _journal(tmp_path / "rows")
    for seconds in (1.0, 1.2, 1.1):
        journal.add(CASE, replace(ONE, seconds=seconds))
        journal.add(CASE, replace(ONE, seconds=2 * seconds, stepped=True))
    again = _journal(tmp_path / "rows")
    assert again.of(CASE) == journal.of(CASE)
    assert again.ended(CASE, 3, alone=False)
    assert not again.ended(CASE, 4, alone=False)
    again.add(CASE, replace(ONE, plan="q"))
    assert len(again.of(CASE)) == 1
    assert not again.of(replace(CASE, slower=2))


def test_a_row_says_what_does_not_hold():
    row = Row(*split([ONE] * 3 + [replace(ONE, stepped=True, seconds=0.8)] * 3))
    assert row.share == 0.9
    assert list(row.missed(2**23, "fifo")) == ["0.80 times as fast as with a lead of 1"]
    assert len(list(row.missed(2**25, "fair"))) == 2
    assert not list(Row([replace(ONE, marked=True)], []).missed(2**25, "fair"))
