import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from itertools import count
from threading import Event, Thread, Timer
from weakref import ref

import pytest

from commplan.anytime.abandon import Alarm, end_with, overtime
from solvers.settings.deadline import NotFound, Watch

LONG = 10**9  # steps of work that looks at no watch; minutes


def works_on():
    for step in count():
        assert step < LONG


def test_work_that_looks_at_no_watch_ends_with_the_time():
    with pytest.raises(NotFound, match="the time is over"), end_with(Watch(0.1)):
        works_on()


def test_work_that_looks_at_no_watch_ends_when_it_is_stopped():
    watch = Watch(600.0)
    Timer(0.1, watch.stop).start()
    with pytest.raises(NotFound, match="the time is over"), end_with(watch):
        works_on()


def test_the_inner_work_ends_before_that_around_it():
    watch = Watch(0.1)
    with end_with(watch, grace=600.0):
        with pytest.raises(NotFound), end_with(watch):
            works_on()
        assert sum(range(1000)) == 499500


def test_work_that_is_done_in_time_is_left_alone():
    watch = Watch(600.0)
    with end_with(watch):
        done = sum(range(1000))
    watch.stop()
    assert done == 499500


def test_on_a_crowded_computer_the_end_may_come_later():
    assert 12.0 < overtime(Watch(100.0)) < 13.5 < 36.0 < overtime(Watch(100.0, crowded=True)) < 41.5


TRACED = """
import cProfile
from commplan.anytime.abandon import end_with
from solvers.settings.deadline import Watch
with end_with(Watch(600.0)):
    pass
assert cProfile.Profile().runcall(lambda: sum(map(abs, range(9)))) == 36
"""


def test_work_that_was_done_in_time_leaves_nothing_for_a_profiler_to_wait_for():
    subprocess.run([sys.executable, "-c", TRACED], check=True, timeout=60.0)


@pytest.mark.filterwarnings("error")
def test_an_end_that_falls_into_a_callback_comes_behind_it():
    watch, fallen = Watch(600.0), []

    class Thing:
        pass

    def callback(_):
        try:
            watch.stop()
            works_on()
        finally:
            fallen.append(True)

    things = [Thing()]
    held = ref(things[0], callback)

    def drops():
        things.clear()
        works_on()

    with pytest.raises(NotFound), end_with(watch):
        drops()
    assert (fallen, held()) == ([True], None)


def test_whatever_else_falls_into_a_callback_is_reported_as_usual(monkeypatch):
    heard = []
    monkeypatch.setattr("sys.unraisablehook", heard.append)
    with pytest.raises(NotFound), end_with(Watch(0.05)):
        works_on()

    class Thing:
        def __del__(self):
            raise ValueError("lost")

    Thing()
    assert [lost.exc_type for lost in heard] == [ValueError]


def test_an_end_that_is_lost_where_nothing_may_be_raised_comes_again(monkeypatch):
    monkeypatch.setattr("commplan.anytime.abandon.AGAIN", 0.1)

    def deaf():
        with suppress(SystemExit):
            works_on()
        works_on()

    with pytest.raises(NotFound), end_with(Watch(0.1)):
        deaf()


def test_an_import_is_not_ended_in_the_middle(tmp_path, monkeypatch):
    text = (
        "from time import monotonic\nend = monotonic() + 0.5\nwhile monotonic() < end:\n    pass\n"
    )
    (tmp_path / "imported_slowly.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)

    def imports():
        import_module("imported_slowly")
        works_on()

    with pytest.raises(NotFound), end_with(Watch(0.1)):
        imports()
    assert sys.modules.pop("imported_slowly").end
    another = Thread(target=import_module, args=("imported_slowly",), daemon=True)
    another.start()
    another.join(60.0)
    assert not another.is_alive()  # nobody holds the lock of the module


def test_no_lock_is_left_behind(monkeypatch):
    monkeypatch.setattr("commplan.anytime.abandon.SOON", 0.002)
    for _ in range(10):
        event = Event()

        def stirs(event=event):
            for _ in range(LONG):
                event.set()
                event.clear()
                sum(abs(number) for number in range(9))

        with pytest.raises(NotFound), end_with(Watch(0.01)):
            stirs()
        assert event._cond.acquire(timeout=10.0)


def test_whoever_is_heard_in_a_signal_may_ring_wherever_that_falls():
    alarm = Alarm()
    with alarm._lock:
        alarm.ring()
        alarm.stir()
    assert alarm._calls.qsize() == 2
