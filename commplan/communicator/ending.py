"""The end of all processes where one cannot go on."""

import sys
import time
from typing import Any

ABORTED = 124


def end_all(comm: Any, error: Exception) -> None:  # noqa: ANN401
    """Say why in a line, and end all processes of a communicator of MPI.

    Args:
        comm: the communicator.
        error: the reason; its text may begin with who it is about.
    """
    text = str(error)
    about = text if text.startswith(("rank", "process")) else f"process {comm.rank} {text}"
    sys.stderr.write(f"commplan: {about}\n")
    sys.stderr.flush()
    time.sleep(1)  # for the others to say what they wait for
    comm.Abort(ABORTED)
