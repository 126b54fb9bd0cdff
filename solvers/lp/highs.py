"""HiGHS in a process of its own: scipy's cannot be interrupted, a process can.

It is started when first needed, which takes half a second, and stays for what comes next. Problems
and answers go through pipes as numpy's archives, without pickled objects. The process ends with
this one, whose end closes its input, or when it finds itself without a parent.
"""

import atexit
import os
import subprocess
import sys
from collections.abc import Mapping
from io import BytesIO
from threading import Lock, Thread
from time import sleep
from typing import IO, Any

import numpy as np
from scipy.sparse import csr_matrix

from solvers.settings.deadline import NotFound, Watch

LENGTH = 8  # bytes that say how long a message is
LONGEST = 10.0**7  # seconds; what the engine is given at most
PAUSE = 1.0  # seconds after which the process looks for its parent
PROGRAM = "from solvers.lp.highs import serve; serve()"

Message = dict[str, Any]


def take_apart(name: str, matrix: csr_matrix) -> Message:
    """Take a matrix apart, for a message."""
    fields = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    return {f"{name}.{key}": part for key, part in fields.items()} | {f"{name}.shape": matrix.shape}


def ask(
    kind: str, problem: Message, options: Mapping[str, float | int], watch: Watch
) -> dict[str, Any]:
    """Let the engine solve a problem ("linprog" or "milp", as scipy has them).

    Args:
        kind: linprog or milp.
        problem: the arrays that scipy's function of that name takes.
        options: other than the time limit, which is what the watch has left.
        watch: says when to stop.

    Raises:
        NotFound: the time was over before.
        MemoryError: the system ended the process.
    """
    limits = {f"option.{name}": value for name, value in options.items()}
    limits["option.time_limit"] = min(watch.left, LONGEST)
    watch.check()
    with _lock:
        process = _ready()
        try:
            with watch.running(process.kill):
                answer = _exchange(process, {"kind": kind} | problem | limits)
        except BaseException:  # what it still answers would be taken for that of the next problem
            process.kill()
            process.wait()
            raise
    if answer is None:
        ended = process.wait()  # before the next problem finds it still dying
        watch.check()
        if ended == -9:
            raise MemoryError("the linear program")
        raise NotFound("the linear program was not solved: HiGHS ended")
    return {key: value.item() if value.ndim == 0 else value for key, value in answer.items()}


def serve() -> None:
    """Answer problems from standard input until it ends."""
    Thread(target=_end_when_orphaned, args=(os.getppid(),), daemon=True).start()
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the engine prints is no answer
    while (problem := _receive(source)) is not None:
        _send(sink, _KINDS[str(problem["kind"])](problem))


_lock = Lock()
_processes: list["subprocess.Popen[bytes]"] = []
_started: list[bool] = []


def _ready() -> "subprocess.Popen[bytes]":
    """Give the process that waits for problems, started anew where there is none."""
    while _processes:
        if _processes[-1].poll() is None:
            return _processes[-1]
        _close(_processes.pop())
    if not _started:
        _started.append(True)
        atexit.register(_end)
    # A group of its own, so that Ctrl-C at a terminal is for this process alone.
    _processes.append(
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
            start_new_session=True,
        )
    )
    return _processes[-1]


def _end() -> None:
    """End the process in order, before the interpreter wonders what is left of it."""
    for process in _processes:
        process.kill()
        process.wait()
        _close(process)


def _close(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _exchange(process: "subprocess.Popen[bytes]", problem: Message) -> Message | None:
    """Send a problem and wait for the answer, None where the process ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        _send(process.stdin, problem)
    except OSError:
        return None
    return _receive(process.stdout)


def _send(sink: IO[bytes], message: Message) -> None:
    buffer = BytesIO()
    np.savez(buffer, **message)
    data = buffer.getvalue()
    sink.write(len(data).to_bytes(LENGTH, "little") + data)
    sink.flush()


def _receive(source: IO[bytes]) -> Message | None:
    """Read a message, None where the other side has gone."""
    head = source.read(LENGTH)
    data = source.read(int.from_bytes(head, "little")) if len(head) == LENGTH else b""
    if len(head) < LENGTH or len(data) < int.from_bytes(head, "little"):
        return None
    with np.load(BytesIO(data), allow_pickle=False) as arrays:
        return dict(arrays)


def _end_when_orphaned(parent: int) -> None:
    """End this process when its parent has gone."""
    while os.getppid() == parent:
        sleep(PAUSE)
    os._exit(1)


def _matrix(problem: Message, name: str) -> csr_matrix:
    data, indices, indptr, shape = (
        problem[f"{name}.{part}"] for part in ("data", "indices", "indptr", "shape")
    )
    return csr_matrix((data, indices, indptr), shape=tuple(shape.tolist()))


def _options(problem: Message) -> dict[str, float | int]:
    head = "option."
    return {key[len(head) :]: problem[key].item() for key in problem if key.startswith(head)}


def _linprog(problem: Message) -> Message:
    from scipy.optimize import linprog

    found = linprog(
        problem["cost"],
        A_eq=_matrix(problem, "equal"),
        b_eq=problem["totals"],
        A_ub=_matrix(problem, "below"),
        b_ub=problem["limits"],
        method="highs-ds",
        options=_options(problem),
    )
    answer = {"status": found.status, "message": found.message}
    if found.status == 0:
        answer["dual"] = np.append(found.eqlin.marginals, found.ineqlin.marginals)
        answer |= {"x": found.x, "cost": found.fun}
    return answer


def _milp(problem: Message) -> Message:
    from scipy.optimize import Bounds, LinearConstraint, milp

    found = milp(
        problem["cost"],
        integrality=problem["integrality"],
        bounds=Bounds(0, problem["most"]),
        constraints=LinearConstraint(
            _matrix(problem, "matrix"), problem["lower"], problem["upper"]
        ),
        options=_options(problem),
    )
    answer = {"message": found.message, "nodes": found.mip_node_count or 0}
    return answer if found.x is None else answer | {"x": found.x}


_KINDS = {"linprog": _linprog, "milp": _milp}
