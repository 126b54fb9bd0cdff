"""Work in the background ends in silence, wherever it is told to."""

import subprocess
import sys
import threading

from commplan.communicator.plans.background import Background


def test_it_ends_between_two_pieces_of_work():
    background = Background()
    assert background.begin(lambda: 7).result() == 7
    background._alarm.ring()  # heard when the next piece comes
    background._end()
    assert not background._thread.is_alive()


def test_engines_that_it_began_are_waited_for():
    background, ended = Background(), []
    engine = threading.Thread(target=lambda: (threading.Event().wait(0.1), ended.append(1)))
    background.begin(engine.start).result()
    background._end()
    assert ended


def test_what_is_begun_while_the_process_ends_is_given_up_or_done_at_once():
    background = Background()
    background._end()
    assert background.begin(lambda: 7).result() == 7
    script = (
        "import atexit, time\n"
        "from commplan.communicator.plans.background import PLANNING\n"
        "atexit.register(lambda: PLANNING.begin(lambda: time.sleep(0.2) or print('done')))\n"
        "atexit.register(print, 'ends')\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("ends")
