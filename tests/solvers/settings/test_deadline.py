from fractions import Fraction
from threading import Event

import pytest

from solvers.schedules.certificate import UNPROVED, Bound
from solvers.settings.deadline import NO_DEADLINE, WHOLE, News, NotFound, Watch


def test_time_that_is_over_is_noticed():
    watch = Watch(0.0)
    assert watch.over
    assert watch.left == 0
    with pytest.raises(NotFound, match="the time is over"):
        watch.check()


def test_without_a_limit_there_is_always_time_until_someone_stops_the_work():
    watch = Watch()
    assert not watch.over
    watch.check()
    watch.stop()
    assert watch.over


def test_a_stage_ends_with_the_whole_and_not_the_other_way_round():
    watch = Watch(1000.0)
    stage = watch.part(0.5)
    stage.stop()
    assert stage.over
    assert not watch.over
    other = watch.part(0.5)
    watch.stop()
    assert other.over


def test_a_stage_has_a_part_of_the_work_and_not_of_the_time():
    watch = Watch(1000.0)
    stage = watch.part(0.5)
    assert stage.room == 500
    assert stage.left > 900
    stage.spend(200.0)
    assert stage.part(0.5).room == 150
    assert watch.part(0.5).room == 400


def test_of_a_short_limit_a_stage_has_a_part_of_the_time_too():
    stage = Watch(100.0).part(0.5)
    assert 40 < stage.left <= 50
    assert stage.room == WHOLE / 2


def test_a_search_that_has_done_its_work_gives_up_whatever_the_time():
    stage = Watch().stage(2.0)
    stage.check(1.5)
    with pytest.raises(NotFound, match="too much work"):
        stage.check(0.5)
    assert stage.over
    assert not stage.late
    assert stage.not_tried == []


def test_what_the_end_of_the_time_cuts_short_is_listed_once():
    watch = Watch(0.0)
    named = watch.stage(1.0, "trees of height 2")
    for stage in (named, named.part(0.5), watch.stage(1.0)):
        with pytest.raises(NotFound, match="the time is over"):
            stage.check()
    assert watch.leaves_out("matchings")
    assert watch.not_tried == ["trees of height 2", "matchings"]


def test_work_that_nobody_stops_does_not_count():
    NO_DEADLINE.spend(1000.0)
    assert NO_DEADLINE.part(0.5).room == WHOLE / 2


def test_holding_a_stage_up_holds_up_its_own_stages_only():
    watch = Watch(0.2)
    stage = watch.stage(10.0)
    with stage.held():
        watch.check()
        with pytest.raises(NotFound, match="the time is over"):
            stage.part(0.5).check()


def test_an_engine_is_not_begun_when_the_time_is_over():
    with pytest.raises(NotFound, match="the time is over"), Watch(0.0).running(Event().set):
        raise AssertionError("begun")


def test_stopping_ends_the_engines_that_run_and_no_others():
    watch, ended = Watch(), [Event(), Event()]
    with watch.running(ended[0].set):
        pass
    with watch.part(0.5).running(ended[1].set):
        watch.stop()
    assert [event.is_set() for event in ended] == [False, True]


def test_news_keep_the_tightest_bound_and_the_best():
    heard = []
    watch = Watch(on_progress=heard.append)
    bounds = [Bound(Fraction(rate), "cut", None) for rate in (5, 7, 4)]
    for bound in (*bounds, UNPROVED):
        watch.tell(bound=bound)
    for best in (1.0, 3.0, 2.0):
        watch.tell("solving", best=best)
    assert heard[0] == News("starting", bounds[0], 0.0)
    assert heard[-1] == watch.news == News("solving", bounds[2], 3.0)


def test_news_can_be_passed_on():
    heard = []
    outer = Watch(on_progress=heard.append)
    Watch(on_progress=outer.pass_on).tell("proving", best=2.0)
    assert heard == [News("proving", None, 2.0)]
