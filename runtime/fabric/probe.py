"""What the links of an emulated machine really do, measured with plain sockets.

Runs as a script on the emulated machine: one process that opens sockets in all its networks, for
a socket stays in the network in which it was made. Standard input: a JSON list of rounds, each a
list of [namespace, address, namespace, address, bytes]; the flows of a round go at a time.
Standard output: per flow [bytes per second, seconds for one byte].
"""

import ctypes
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from topologies.model.units import Bytes

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
SECONDS = 20.0
BLOCK = 65536
PINGS = 20
LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Let this thread make its sockets in a named network."""
    with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{name}") as other:
        _enter(other.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(descriptor: int) -> None:
    if LIBC.setns(descriptor, NEW_NETWORK):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def flow(source: str, at: str, target: str, to: str, size: Bytes) -> tuple[float, float]:
    """Send bytes from one network to another; give bytes per second, and seconds for one byte."""
    with inside(target):
        listener = socket.create_server((to, 0))
    listener.settimeout(SECONDS)
    with listener:
        with inside(source):
            sender = socket.create_connection(listener.getsockname(), SECONDS, (at, 0))
        receiver, _ = listener.accept()
    with sender, receiver:
        return _measure(sender, receiver, size)


def _measure(sender: socket.socket, receiver: socket.socket, size: Bytes) -> tuple[float, float]:
    for end in (sender, receiver):
        end.settimeout(SECONDS)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    late = _latency(sender, receiver)
    pouring = threading.Thread(target=_pour, args=(sender, size), daemon=True)
    pouring.start()
    rate = _drain(receiver, size)
    pouring.join(SECONDS)
    return rate, late


def _latency(sender: socket.socket, receiver: socket.socket) -> float:
    times = []
    for _ in range(PINGS):
        start = time.perf_counter()
        sender.send(b"x")
        receiver.recv(1)
        receiver.send(b"x")
        sender.recv(1)
        times.append((time.perf_counter() - start) / 2)
    return sorted(times)[PINGS // 2]


def _pour(sender: socket.socket, size: Bytes) -> None:
    with suppress(OSError):
        sender.sendall(bytes(size))


def _drain(receiver: socket.socket, size: Bytes) -> float:
    """Compute the rate after the first quarter, in which the burst and the windows fill."""
    got, start, skipped = 0, 0.0, 0
    while got < size:
        part = len(receiver.recv(BLOCK))
        if not part:
            raise OSError("the other end closed")
        got += part
        if not start and got >= size // 4:
            start, skipped = time.perf_counter(), got
    return (got - skipped) / max(time.perf_counter() - start, 1e-9)


def rounds(wanted: list[list[list[Any]]]) -> list[list[tuple[float, float] | str]]:
    """Measure all rounds; a flow that fails gives its reason."""
    return [_round(flows) for flows in wanted]


def _round(flows: list[list[Any]]) -> list[tuple[float, float] | str]:
    found: list[tuple[float, float] | str] = ["no end"] * len(flows)

    def one(i: int) -> None:
        try:
            found[i] = flow(*flows[i])
        except OSError as error:
            found[i] = error.strerror or str(error)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(flows))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * SECONDS)
    return found


if __name__ == "__main__":
    print(json.dumps(rounds(json.load(sys.stdin))))
