"""Which experts live on which rank, with replicas: the least of the largest load.

A layer has experts with loads w, and ranks with so many slots each. An expert with c replicas gives
each w / c. Statement of the two bounds: some rank has at least the mean of all loads; and some
replica has at least the least of the largest w / c over all ways to share the slots out. Giving
the next slot to the expert whose replicas are loaded most attains that least: with it each expert
whose w / (c - 1) is above the final maximum has at least as many replicas as any better sharing
would need (apportionment by the largest quotient).

Replicas go to ranks, the heaviest first, each to the rank with the least load that has a slot free
and not this expert already; then replicas of the fullest rank change places with those of others
as long as the largest load falls. The sharing that is best for single replicas need not be that
for ranks, so where the gap is above half a percent, others near it are tried.
The gap to the larger bound is told. Loads are those of a
balanced split; who sends to whom does not count here.
"""

import heapq
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from solvers.demands import files
from solvers.jobs.errors import JobError
from topologies.model.messages import short
from topologies.model.topology import FloatArray, IntArray

MOST_EXPERTS, MOST_SLOTS, MOST_LAYERS = 4096, 2**16, 1000
MOST_GINI, MOST_SEED = 1 - 1e-9, 2**53
GAIN = 1e-12  # of the mean, that an exchange must gain
TRIES, TRIED_SLOTS = 200, 5 * 10**3  # other sharings of the slots, and slots of all of them
LOOKS = 2 * 10**4  # at sharings, most of which the load of one replica rules out
CLOSE = 5e-3  # above the bound, where no other is tried
_GINI = re.compile(r"gini:([a-z]+=[0-9.]+(,[a-z]+=[0-9.]+)*)")


@dataclass(frozen=True, eq=False)
class Layer:
    """The experts of a layer: slots of each rank, and loads as parts of the mean of ranks.

    Attributes:
        slots: (ranks, slots), the expert in each.
        largest: load of the fullest rank.
        bound: what no placement with as many slots is below, replicas sharing evenly.
        plain: the largest load where experts are in order, without replicas.
    """

    slots: IntArray
    largest: float
    bound: float
    plain: float

    @property
    def proved(self) -> bool:
        """Tell whether it is at the bound."""
        return self.largest <= self.bound * (1 + 1e-9)


def read_loads(text: str) -> FloatArray:
    """Read loads: a file with a row for each layer, or `gini:experts=256,layers=4,gini=0.2,seed=1`.

    The description draws them from a lognormal distribution of that Gini coefficient: real routing
    has 0.1 to 0.3 (DODOCO, arXiv:2605.20982).

    Args:
        text: name of a file (CSV, JSON or npy, whole numbers), or a description.

    Raises:
        JobError: a description that is none, or loads that are none.
        DemandError: a file that cannot be read.
    """
    if text.startswith("gini:"):
        return _described(text)
    return fill_idle(load_rows(text), text)


def fill_idle(loads: FloatArray, text: str) -> FloatArray:
    """Take layers without a token as even ones: dense layers, which SGLang numbers as the others.

    Args:
        loads: (layers, ...).
        text: that they are from.

    Raises:
        JobError: no layer has any.
    """
    idle = ~loads.any(axis=tuple(range(1, loads.ndim)))
    if idle.all():
        raise JobError(f"{short(text)}: found only zeros, expected a load above 0")
    return np.where(idle.reshape(-1, *[1] * (loads.ndim - 1)), 1.0, loads)


def load_rows(text: str) -> FloatArray:
    """Read a file of loads from 0, of which rows may have none.

    Raises:
        JobError: a load below 0.
        DemandError: a file that cannot be read.
    """
    found = files.load(text)
    if (found < 0).any():
        row, column = np.argwhere(found < 0)[0].tolist()
        raise JobError(
            f"{short(text)}: {files.cell(row, column)}: found {found[row, column]}, expected 0 or "
            "more tokens"
        )
    return found.astype(np.float64)


def _described(text: str) -> FloatArray:
    given = {"experts": 64.0, "layers": 1.0, "gini": 0.2, "seed": 1.0}
    pairs = [word.split("=") for word in text[5:].split(",")] if _GINI.fullmatch(text) else []
    once = len({key for key, _ in pairs}) == len(pairs) > 0
    counts = all(value.isdigit() for key, value in pairs if key != "gini")
    try:
        wanted = given | {key: float(value) for key, value in pairs}
    except ValueError:
        once = False
    if not (once and counts) or len(wanted) > len(given) or not 0 <= wanted["gini"] < MOST_GINI:
        raise JobError(
            f"{short(text)}: expected gini:experts=N,layers=N,gini=0.2,seed=N, gini below 1"
        )
    if not (1 <= wanted["layers"] <= MOST_LAYERS and 1 <= wanted["experts"] <= MOST_EXPERTS):
        raise JobError(
            f"{short(text)}: expected 1 to {MOST_LAYERS} layers of 1 to {MOST_EXPERTS} experts"
        )
    if wanted["seed"] > MOST_SEED:
        raise JobError(f"{short(text)}: expected a seed of at most {MOST_SEED}")
    shape = (int(wanted["layers"]), int(wanted["experts"]))
    sigma = 2**0.5 * NormalDist().inv_cdf((1 + wanted["gini"]) / 2)
    return np.random.default_rng(int(wanted["seed"])).lognormal(0.0, sigma, shape)


def place_experts(loads: FloatArray, ranks: int, slots: int) -> list[Layer]:
    """Place the experts of each layer.

    Complexity: slots of all ranks, times their logarithm, and exchanges of the fullest rank.

    Args:
        loads: (layers, experts), from 0.
        ranks: how many.
        slots: of each rank.

    Raises:
        JobError: the slots do not hold all experts, or are more than can be filled.
    """
    experts = loads.shape[1]
    if not experts <= ranks * slots <= MOST_SLOTS:
        raise JobError(
            f"--slots: {ranks} ranks x {slots} slots, expected at least the {experts} experts and "
            f"at most {MOST_SLOTS:,}"
        )
    if slots > experts:
        raise JobError(f"--slots: {slots}, expected at most the {experts} experts")
    return [_layer(row / row.sum() * ranks, ranks, slots) for row in loads]


def _layer(load: FloatArray, ranks: int, slots: int) -> Layer:
    """Place the experts of one layer; load: the mean of a rank is 1."""
    copies = _replicas(load, ranks, slots)
    bound = max(1.0, float((load / copies).max()))
    held, largest = _try_sharings(load, copies, ranks, slots, bound)
    plain = np.array([part.sum() for part in np.array_split(load, ranks)])
    return Layer(held, largest, bound, float(plain.max()))


def _try_sharings(
    load: FloatArray, copies: IntArray, ranks: int, slots: int, bound: float
) -> tuple[IntArray, float]:
    """Place replicas, and move replicas from expert to expert while that lowers the largest load.

    Where one move does not, two at a time are tried; the work is counted, not timed.
    """
    held, largest = _place(load, copies, ranks, slots)
    tries = iter(range(min(TRIES, TRIED_SLOTS // (ranks * slots))))
    looks = iter(range(LOOKS))
    while largest > bound * (1 + CLOSE):
        for other in _other_sharings(copies, ranks):
            if next(looks, None) is None:
                return held, largest
            if (load / other).max() >= largest:
                continue
            if next(tries, None) is None:
                return held, largest
            tried, reached = _place(load, other, ranks, slots)
            if reached < largest - GAIN and all(len(set(row)) == slots for row in tried.tolist()):
                copies, held, largest = other, tried, reached
                break
        else:
            break
    return held, largest


def _other_sharings(copies: IntArray, ranks: int) -> Iterator[IntArray]:
    """Give the sharings of slots that are one move of a replica away, then those of two."""
    yield from _moves(copies, ranks)
    for other in _moves(copies, ranks):
        yield from _moves(other, ranks)


def _moves(copies: IntArray, ranks: int) -> Iterator[IntArray]:
    """Take a replica from each expert that has several, for each that may have more."""
    for less in np.flatnonzero(copies > 1).tolist():
        for more in np.flatnonzero(copies < ranks).tolist():
            if less != more:
                other = copies.copy()
                other[less] -= 1
                other[more] += 1
                yield other


def _place(load: FloatArray, copies: IntArray, ranks: int, slots: int) -> tuple[IntArray, float]:
    """Place replicas of a sharing; also give the largest load."""
    each = load / copies
    held = _pack(each, copies, ranks, slots)
    _exchange(held, each)
    return held, float(each[held].sum(axis=1).max())


def _replicas(load: FloatArray, ranks: int, slots: int) -> IntArray:
    """Share the slots out: each next one to the expert whose replicas are loaded most."""
    copies = np.ones(len(load), dtype=np.int64)
    heap = [(-float(w), e) for e, w in enumerate(load)]
    heapq.heapify(heap)
    for _ in range(ranks * slots - len(load)):
        while True:
            _, expert = heapq.heappop(heap)
            if copies[expert] < ranks:
                break
        copies[expert] += 1
        heapq.heappush(heap, (-float(load[expert] / copies[expert]), expert))
    return copies


def _pack(each: FloatArray, copies: IntArray, ranks: int, slots: int) -> IntArray:
    """Put replicas on ranks, the heaviest first, no expert twice on a rank if that can be."""
    held: list[list[int]] = [[] for _ in range(ranks)]
    sums = np.zeros(ranks)
    for expert in np.argsort(-each, kind="stable").tolist():
        for _ in range(int(copies[expert])):
            open_ = [r for r in range(ranks) if len(held[r]) < slots]
            free = [r for r in open_ if expert not in held[r]] or open_
            rank = min(free, key=lambda r: (sums[r], r))
            held[rank].append(expert)
            sums[rank] += each[expert]
    return np.array(held)


def _exchange(held: IntArray, each: FloatArray) -> None:
    """Exchange replicas of the fullest rank with others' while that lowers the larger of the two.

    An expert does not come to a rank that has it.
    """
    sums = each[held].sum(axis=1)
    for _ in range(held.size * 4):
        full = int(sums.argmax())
        moved = each[held[full]][:, None, None] - each[held][None]  # what the fullest rank loses
        larger = np.maximum(sums[full] - moved, sums[None, :, None] + moved)
        twice = np.isin(held, held[full])[None] | np.array(
            [[[x in row] for row in held] for x in held[full]]
        )
        larger = np.where(twice, np.inf, larger)
        own, rank, slot = np.unravel_index(int(larger.argmin()), larger.shape)
        if larger[own, rank, slot] >= sums[full] - GAIN:
            return
        change = float(moved[own, rank, slot])
        held[full, own], held[rank, slot] = held[rank, slot], held[full, own]
        sums[full] -= change
        sums[rank] += change


def write(target: str, layers: Sequence[Layer]) -> str:
    """Write the placement as a server reads it.

    vllm: `initial_expert_map_path` (pull request 49572): for each layer the expert of each slot.
    vllm-ascend: `expert_map_path`: for each layer the experts of each device.
    sglang: `--init-expert-location`: physical_to_logical_map, as of vllm.

    Args:
        target: one of TARGETS.
        layers: of the model, from the first one with experts on.
    """
    return json.dumps(TARGETS[target](layers)) + "\n"


def _flat(layers: Sequence[Layer]) -> list[list[int]]:
    return [layer.slots.ravel().tolist() for layer in layers]


def _vllm_ascend(layers: Sequence[Layer]) -> Mapping[str, object]:
    return {
        "moe_layer_count": len(layers),
        "layer_list": [
            {
                "layer_id": number,
                "device_count": len(layer.slots),
                "device_list": [
                    {"device_id": rank, "device_expert": row}
                    for rank, row in enumerate(layer.slots.tolist())
                ],
            }
            for number, layer in enumerate(layers)
        ],
    }


def _sglang(layers: Sequence[Layer]) -> Mapping[str, object]:
    return {"physical_to_logical_map": _flat(layers)}


TARGETS: Mapping[str, Callable[[Sequence[Layer]], object]] = {
    "vllm": _flat,
    "vllm-ascend": _vllm_ascend,
    "sglang": _sglang,
}
