"""Are the links of an emulated machine as fast as they should be? Measured before it is used."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.fabric import probe
from runtime.fabric.keeper import Keeper
from runtime.fabric.layout import CARRIED, FabricError, Layout, address, namespace
from topologies.model.units import Seconds

PROBE_SECONDS = 0.2
SMALLEST = 400_000  # bytes: several bursts
LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class CableRate:
    """What one way of a cable should carry and what it carries, bytes per second; its seconds."""

    src: int
    dst: int
    wanted: float
    measured: float
    latency: Seconds

    @property
    def ratio(self) -> float:
        """Compute measured over wanted."""
        return self.measured / self.wanted


def measure(keeper: Keeper, layout: Layout) -> list[CableRate]:
    """Measure every link, as many at a time as share no vertex and are carried together.

    Raises:
        FabricError: a link does not work at all.
    """
    together = rounds(layout)
    asked = [[_flow(*path) for path in paths] for paths in together]
    words = [sys.executable, str(Path(probe.__file__))]
    found = json.loads(keeper.output(words, json.dumps(asked), LIMIT_SECONDS))
    rates = []
    for paths, answers in zip(together, found, strict=True):
        for (src, dst, wanted), answer in zip(paths, answers, strict=True):
            if isinstance(answer, str):
                names = layout.topology.names
                raise FabricError(f"{names[src]} -> {names[dst]}: {answer}")
            rates.append(CableRate(src, dst, wanted, *answer))
    return sorted(rates, key=lambda rate: (rate.src, rate.dst))


def _flow(src: int, dst: int, rate: float) -> list[object]:
    size = max(SMALLEST, int(rate * PROBE_SECONDS))
    return [namespace(src), address(src), namespace(dst), address(dst), size]


def rounds(layout: Layout) -> list[list[tuple[int, int, float]]]:
    """Put the paths of all cables into rounds: first fit, the fastest first."""
    paths = [(c.a, c.b, c.forth) for c in layout.cables]
    paths += [(c.b, c.a, c.back) for c in layout.cables]
    result: list[list[tuple[int, int, float]]] = []
    for path in sorted(paths, key=lambda path: -path[2]):
        if not path[2]:
            continue
        for found in result:
            if _fits(found, path):
                found.append(path)
                break
        else:
            result.append([path])
    return result


def _fits(others: Sequence[tuple[int, int, float]], path: tuple[int, int, float]) -> bool:
    busy = {end for other in others for end in other[:2]}
    total = sum(other[2] for other in others) + path[2]
    return not busy & {*path[:2]} and total <= CARRIED / 2
