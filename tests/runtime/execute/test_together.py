"""Sets in one program: what begins first."""

from typing import Any

import numpy as np

from runtime.execute.together import Part, highest_first
from solvers.schedules.kinds import collective


def test_the_task_whose_messages_wait_most_begins():
    what, nothing = collective("all_gather", range(2)), np.zeros(0, dtype=np.int64)
    unused: Any = None
    parts = [Part(n, what, 0, nothing, unused, high) for n, high in enumerate((1, 4, 1, 2))]
    assert [part.number for part in highest_first(parts)] == [1, 3, 0, 2]
