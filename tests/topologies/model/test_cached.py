from threading import Event, Thread

from topologies.model.cached import cached_property


class Value:
    def __init__(self, until=None):
        self.until, self.begun = until, Event()

    @cached_property
    def found(self):
        """Find it, in time."""
        self.begun.set()
        if self.until is not None:
            self.until.wait(60.0)
        return [self.until]


def test_it_is_computed_once_and_says_what_it_is():
    value = Value()
    assert value.found is value.found
    assert Value.found.__doc__ == "Find it, in time."


def test_nobody_waits_while_it_is_computed_elsewhere():
    slow = Value(Event())
    had = []
    thread = Thread(target=lambda: had.append(slow.found))
    thread.start()
    assert slow.begun.wait(60.0)
    assert Value().found == [None]
    slow.until.set()
    own = slow.found
    thread.join(60.0)
    assert had[0] is own  # two that compute the same have the same
