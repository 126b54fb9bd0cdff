from fractions import Fraction
from threading import Event

import pytest

from solvers.certificate import UNPROVED, Bound
from solvers.watch import News, NotFound, Watch


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


def test_a_stage_ends_before_the_whole_and_with_it():
    watch = Watch(1000.0)
    stage = watch.part(0.5)
    assert 400 < stage.left <= 500
    stage.stop()
    assert stage.over
    assert not watch.over
    other = watch.part(0.5)
    watch.stop()
    assert other.over


def test_stopping_ends_the_engines_that_run_and_no_others():
    watch, ended = Watch(), [Event(), Event()]
    with watch.running(ended[0].set):
        pass
    with watch.part(0.5).running(ended[1].set):
        watch.stop()
    assert [event.is_set() for event in ended] == [False, True]


def test_news_keep_the_tightest_bound_and_the_best():
    heard = []
    watch = Watch(hear=heard.append)
    bounds = [Bound(Fraction(rate), "cut", None) for rate in (5, 7, 4)]
    for bound in (*bounds, UNPROVED):
        watch.tell(bound=bound)
    for best in (1.0, 3.0, 2.0):
        watch.tell("solving", best=best)
    assert heard[0] == News("starting", bounds[0], 0.0)
    assert heard[-1] == watch.news == News("solving", bounds[2], 3.0)


def test_news_can_be_passed_on():
    heard = []
    outer = Watch(hear=heard.append)
    Watch(hear=outer.pass_on).tell("proving", best=2.0)
    assert heard == [News("proving", None, 2.0)]
