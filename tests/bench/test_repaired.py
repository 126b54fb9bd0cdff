"""Repaired plans beside plans from nothing: both are made, and what is worse is told."""

from dataclasses import replace
from fractions import Fraction

import commplan
from bench.repaired import compare, differ


def report():
    what = commplan.collective("all_gather", range(4))
    return commplan.verify(commplan.plan(commplan.topology("ring:4"), what).schedule)


def test_each_failure_of_a_ring_is_planned_for_as_well_in_both_ways(tmp_path):
    rows = list(compare(tmp_path, "ring:4", "all_gather"))
    assert [row.failure.split()[0] for row in rows] == ["--without", "--slow", "--without-rank"]
    assert all(row.repaired.optimal and row.anew.optimal and not row.fault for row in rows)


def test_what_is_worse_than_a_plan_from_nothing_is_told():
    whole = report()
    assert whole.optimal
    assert differ(whole, whole, "") == ""
    assert differ(None, None, "replan: no; compile: no") == ""
    assert differ(None, whole, "replan: no; compile: done") == "replan: no; compile: done"
    assert differ(replace(whole, algbw=whole.algbw * Fraction(9, 10)), whole, "") == "slower"
    assert differ(replace(whole, proved=whole.proved * 2), whole, "") == "other bound"
    assert differ(replace(whole, faults=("lost",), correct=False), whole, "") == "wrong: lost"
