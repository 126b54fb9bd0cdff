"""A layer of a mixture of experts trained by a plan of a job, and over MPI: started by mpirun.

`job_layer.py PLAN STEPS` prints a line of JSON for each way: the median seconds that a step spends
in collectives, and in those of each kind of group, of the slowest process; the loss after the
steps, which is the same whoever exchanges; and whether torch or numpy computed. A block that tensor
parallelism cuts (sequence parallel: gathered before, scattered after), then top-2 experts, one on
each rank of ep; the gradients of both are added up over dp. The ways take their steps in turns, so
that what else the computer does falls on all of them.
"""

import json
import sys
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from mpi4py import MPI

import commplan

TOKENS, HIDDEN, INNER, TOP = 512, 512, 128, 2  # of a tp group; elements; of a rank; experts
RATE = 1e-3
Array = np.ndarray[Any, np.dtype[np.float32]]
WORLD = MPI.COMM_WORLD
KINDS = ("tp", "ep", "dp")


WAYS = ("our plan", "MPI's collectives, our placement", "MPI's collectives, Megatron's order")


class Wires:
    """The collectives of a step on whole arrays, and the seconds that each kind took.

    Attributes:
        world: all processes, in the order of the job's ranks.
    """

    def __init__(self, way: str, plan: commplan.JobPlan) -> None:
        # Process i is where the plan puts rank i; in Megatron's order it plays the machine's rank.
        key = plan.ranks[WORLD.rank] if way == WAYS[2] else WORLD.rank
        self.world = WORLD.Split(0, key)
        make = plan.group if way == WAYS[0] else partial(self._split, plan)
        self.comms = {kind: make(kind) for kind in KINDS}
        self.spent = dict.fromkeys(KINDS, 0.0)

    def _split(self, plan: commplan.JobPlan, kind: str) -> MPI.Comm:
        rows = enumerate(plan.members(kind))
        number, row = next((n, row) for n, row in rows if self.world.rank in row)
        return self.world.Split(number, row.index(self.world.rank))

    def gather(self, own: Array) -> Array:
        """Gather the rows of all ranks of tp."""
        found = np.empty((len(own) * self.comms["tp"].size, own.shape[1]), np.float32)
        return self._timed("tp", "Allgather", own, found)

    def scatter(self, whole: Array) -> Array:
        """Add up over tp, and keep the rows of this rank."""
        found = np.empty((len(whole) // self.comms["tp"].size, whole.shape[1]), np.float32)
        return self._timed("tp", "Reduce_scatter_block", whole, found)

    def exchange(self, sent: Array) -> Array:
        """Give each rank of ep its rows."""
        return self._timed("ep", "Alltoall", sent, np.empty_like(sent))

    def add(self, gradients: Array) -> Array:
        """Add up over dp."""
        return self._timed("dp", "Allreduce", gradients, np.empty_like(gradients))

    def _timed(self, kind: str, name: str, given: Array, taken: Array) -> Array:
        given = np.ascontiguousarray(given, np.float32)
        WORLD.Barrier()
        began = perf_counter()
        getattr(self.comms[kind], name)(given, taken)
        self.spent[kind] += perf_counter() - began
        return taken


def main() -> None:
    """Train for some steps, each way once in turn, and print how long their collectives took."""
    plan, steps = commplan.job(sys.argv[1]), int(sys.argv[2])
    layers = {way: make(Wires(way, plan)) for way in WAYS}
    loss: dict[str, float] = {}
    rows: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(1 + steps):
        for way, (layer, _name) in layers.items():
            layer.wires.spent = dict.fromkeys(KINDS, 0.0)
            loss[way] = WORLD.allreduce(layer.step())
            spent = layer.wires.spent.items()
            rows[way].append({kind: WORLD.allreduce(each, MPI.MAX) for kind, each in spent})
    if WORLD.rank == 0:
        for way, (_layer, name) in layers.items():
            told = rows[way][1:]
            kinds = {kind: median(row[kind] for row in told) for kind in KINDS}
            whole = median(sum(row.values()) for row in told)
            print(json.dumps({"way": way, "step": whole, **kinds, "loss": loss[way], "by": name}))


def make(wires: Wires) -> tuple[Any, str]:
    """Make the layer by torch where it is installed, else by numpy."""
    try:
        import torch
    except ImportError:
        return NumpyLayer(wires), "numpy"
    torch.set_num_threads(1)
    return torch_layer(wires, torch), "torch"


def drawn(wires: Wires) -> tuple[list[Array], Array, Array]:
    """Draw the weights of this rank, its tokens and what they are to become."""
    tp, dp = wires.comms["tp"].rank, wires.comms["dp"].rank
    cut = np.random.default_rng(tp)
    shapes = ((HIDDEN, INNER), (INNER, HIDDEN)) * 2  # the block's, and the expert's
    weights = [cut.normal(0, shape[0] ** -0.5, shape).astype(np.float32) for shape in shapes]
    own = np.random.default_rng((tp, dp, 1))
    rows = TOKENS // wires.comms["tp"].size
    tokens, wanted = (own.normal(size=(rows, HIDDEN)).astype(np.float32) for _ in range(2))
    return weights, tokens, wanted


def routes(tokens: int, experts: int, seed: int) -> Any:  # noqa: ANN401
    """Choose TOP experts for each token, equally many for each: rows to send, by expert."""
    turn = np.random.default_rng(seed).permutation(tokens)
    first = np.arange(tokens) % experts
    chosen = np.stack([(first + shift) % experts for shift in range(TOP)])
    return np.concatenate([np.tile(turn, TOP)[chosen.ravel() == e] for e in range(experts)])


class NumpyLayer:
    """The layer with its backward pass written out."""

    def __init__(self, wires: Wires) -> None:
        self.wires = wires
        self.weights, self.tokens, self.wanted = drawn(wires)
        self.sent = routes(len(self.tokens), wires.comms["ep"].size, wires.comms["ep"].rank)

    def step(self) -> float:
        """Go forward and back, add the gradients up, and take a step; give the loss."""
        w, wires, sent = self.weights, self.wires, self.sent
        inner = np.maximum(wires.gather(self.tokens) @ w[0], 0)
        mixed = wires.scatter(inner @ w[1])
        taken = wires.exchange(mixed[sent])
        hidden = np.maximum(taken @ w[2], 0)
        back = wires.exchange(hidden @ w[3])
        out = mixed.copy()
        np.add.at(out, sent, back / TOP)
        wrong = out - self.wanted
        slope = (wrong * (2 / wrong.size)).astype(np.float32)
        far = wires.exchange(slope[sent] / TOP)
        bent = (far @ w[3].T) * (hidden > 0)
        near = wires.exchange(bent @ w[2].T)
        np.add.at(slope, sent, near)
        whole = wires.gather(slope)
        turned = (whole @ w[1].T) * (inner > 0)
        again = wires.gather(self.tokens)
        slopes = [again.T @ turned, inner.T @ whole, taken.T @ bent, hidden.T @ far]
        wires.scatter(turned @ w[0].T)  # to the layer before
        added = wires.add(np.concatenate([each.ravel() for each in slopes]))
        place = 0
        for each in w:
            each -= RATE * added[place : place + each.size].reshape(each.shape)
            place += each.size
        return float((wrong**2).mean())


def torch_layer(wires: Wires, torch: Any) -> Any:  # noqa: ANN401
    """Make the layer of torch: a module whose collectives are functions with their gradients."""

    def wire(there: Any, back: Any) -> Any:  # noqa: ANN401
        class Wire(torch.autograd.Function):  # type: ignore[misc]
            @staticmethod
            def forward(_: Any, given: Any) -> Any:  # noqa: ANN401
                return torch.from_numpy(there(given.detach().numpy()))

            @staticmethod
            def backward(_: Any, slope: Any) -> Any:  # noqa: ANN401
                return torch.from_numpy(back(slope.numpy()))

        return Wire.apply

    gather, scatter = wire(wires.gather, wires.scatter), wire(wires.scatter, wires.gather)
    exchange = wire(wires.exchange, wires.exchange)
    weights, tokens, wanted = drawn(wires)
    sent = torch.from_numpy(routes(len(tokens), wires.comms["ep"].size, wires.comms["ep"].rank))

    class Layer(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.wires = wires
            made = (torch.nn.Parameter(torch.from_numpy(each)) for each in weights)
            self.weights = torch.nn.ParameterList(made)
            self.tokens = torch.from_numpy(tokens).requires_grad_()

        def forward(self, given: Any) -> Any:  # noqa: ANN401
            w = self.weights
            whole = gather(given)
            mixed = scatter(torch.relu(whole @ w[0]) @ w[1])
            back = exchange(torch.relu(exchange(mixed[sent]) @ w[2]) @ w[3])
            return mixed.index_add(0, sent, back / TOP)

        def step(self) -> float:
            loss = ((self(self.tokens) - torch.from_numpy(wanted)) ** 2).mean()
            loss.backward()
            wires.gather(tokens)  # again for the gradient of the weights, as sequence parallel does
            flat = torch.nn.utils.parameters_to_vector([each.grad for each in self.weights])
            added = torch.from_numpy(wires.add(flat.numpy()))
            with torch.no_grad():
                whole = torch.nn.utils.parameters_to_vector(self.weights)
                torch.nn.utils.vector_to_parameters(whole - RATE * added, self.weights)
            self.zero_grad()
            return float(loss.detach())

    return Layer()


if __name__ == "__main__":
    main()
