"""Processes that help: a Ctrl-C is not for them, and they end with what they are for."""

import os
import signal
from multiprocessing import active_children

import pytest

from commplan.candidates.crew import here


def test_those_who_help_do_not_hear_an_interruption_and_end_when_it_ends_what_they_help_with():
    with pytest.raises(KeyboardInterrupt), here(1, os.getpid, ()) as executor:  # noqa: PT012
        helper = executor.submit(os.getpid).result()
        os.kill(helper, signal.SIGINT)
        assert executor.submit(os.getpid).result() == helper
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        executor.submit(signal.pause)  # would last for ever
        raise KeyboardInterrupt
    assert helper not in {each.pid for each in active_children()}
