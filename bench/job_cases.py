"""Published steps of training beside what is predicted, with one set of constants for each chip.

`python -m bench.job_cases` predicts each row by `commplan job JOB MACHINE --set ...`, as a user
would. The constants are those of `solvers/steps` (efficiency 0.7 of large products, 0.8 of memory
and of the planned rate of the network, 5 us a kernel); they were fixed before any row was compared,
and are the same for all rows. Of what is hidden: what the framework says that it overlaps (pipeline
and data parallel traffic, experts' only where the row says so), up to the time of computation.

Sources: Megatron-Bridge, docs/performance-summary.md (tokens/s/GPU); Megatron-MoE-ModelZoo,
best_practice/Qwen3 (step time); DeepSeek-V3's hardware paper, arXiv:2505.09343, Table 4;
Llama 3, arXiv:2407.21783, Table 4 (TFLOPS/GPU); CloudMatrix384, arXiv:2506.12708, Table 6.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from click.testing import CliRunner

from commplan.cli.group import commands

HIDDEN = ("hidden.pp.part=1.0", "hidden.dp.part=1.0", "hidden.edp.part=1.0")
H100 = "dgx-h100:boxes={}"
RACKS = ",".join(f"b{rack}.t?.*,b{rack}.t1[0-5].*" for rack in range(4))  # 64 GPUs of each


@dataclass(frozen=True)
class Row:
    """A published step.

    Attributes:
        changes: of the job's fields.
        ranks: of the machine, where not the first ones.
    """

    name: str
    machine: str
    job: str
    changes: tuple[str, ...]
    seconds: float
    ranks: str = ""


def layout(**fields: object) -> tuple[str, ...]:
    """Write changes of the layout, the batch and the rest, as the command takes them."""
    tables = {"sequences": "batch", "micro": "batch", "copies": "model", "sequence": "model"}
    tables |= dict.fromkeys(("recompute", "precision", "chip", "schedule"), "compute")
    return tuple(f"{tables.get(key, 'layout')}.{key}={value}" for key, value in fields.items())


def boxes(count: int, top_k: int = 8) -> float:
    """Compute how many of some boxes a token's experts lie in, on average, if evenly spread."""
    return count * (1 - (1 - 1 / count) ** top_k)


QWEN = layout(etp=1, sequences=2048)
# The four layouts of one model on one machine: of each pair the faster one should be told.
PAIRS = (
    Row("Qwen3-235B TP2 EP32 PP8 VPP4 DeepEP", H100.format(32), "qwen3-235b",
        (*QWEN, *layout(copies=boxes(4), recompute="selective")), 19.7),
    Row("Qwen3-235B TP2 EP8 PP32 VPP3 A2A", H100.format(32), "qwen3-235b",
        (*QWEN, *layout(ep=8, pp=32, virtual=3, dp=4, recompute="selective")), 24.2),
    Row("Qwen3-235B TP4 EP8 PP8 VPP4", H100.format(32), "qwen3-235b",
        (*QWEN, *layout(tp=4, ep=8, dp=8, copies=boxes(8))), 29.0),
    Row("Qwen3-235B TP2 EP8 PP1 FSDP", H100.format(32), "qwen3-235b",
        (*QWEN, *layout(ep=8, pp=1, virtual=1, dp=128, zero=3, micro=4, recompute="full",
                         copies=boxes(8))), 17.6),
)  # fmt: skip
OTHERS = (
    Row("the first, EP inside 1F1B", H100.format(32), "qwen3-235b",
        (*QWEN, *layout(copies=boxes(4), recompute="selective"), "hidden.ep.part=1.0"), 17.6),
    Row("Llama-3.1-405B FP8, 1024 H100", H100.format(128), "llama-3-405b",
        layout(sequences=1536, pp=8, cp=2, virtual=8, dp=8, precision="fp8"), 37.69),
    Row("Llama-3.1-405B FP8, 256 GB200", "nvl72:racks=4", "llama-3-405b",
        layout(sequences=1536, tp=4, pp=16, virtual=4, dp=4, precision="fp8", chip="GB200"),
        58.31, RACKS),
    Row("DeepSeek-V3 MXFP8, 256 GB200", "nvl72:racks=4", "deepseek-v3",
        layout(sequences=4096, pp=4, virtual=4, dp=64, precision="fp8", chip="GB200",
               schedule="interleaved"), 13.19, RACKS),
    Row("DeepSeek-V3 MXFP8, 256 GB300", "nvl72:racks=4", "deepseek-v3",
        layout(sequences=4096, pp=2, virtual=8, ep=32, dp=128, precision="fp8", chip="GB300",
               schedule="interleaved"), 10.34, RACKS),
    Row("DeepSeek-V3 MXFP8, 256 B300", "dgx-b200:boxes=32", "deepseek-v3",
        layout(sequences=4096, pp=8, ep=8, micro=2, dp=32, precision="fp8", chip="B300",
               schedule="1f1b"), 18.51),
    Row("DeepSeek-V3, 1024 H100", H100.format(128), "deepseek-v3",
        layout(sequences=8192, tp=2, etp=1, pp=8, virtual=4, dp=64, chip="H100",
               copies=boxes(8), schedule="interleaved"), 25.26),
    Row("Qwen3-235B, 256 H100", H100.format(32), "qwen3-235b", layout(copies=boxes(4)), 76.56),
    Row("DeepSeek-V3, 2,048 H800, multi-rail", H100.format(256), "deepseek-v3",
        layout(precision="fp8", copies=3.5), 19.946),
    Row("DeepSeek-V3, 2,048 H800, a spine", "dgx-h100:boxes=128:units=2", "deepseek-v3",
        layout(precision="fp8", copies=3.5), 19.926),
    Row("Llama-3 405B, 8,192 H100", H100.format(1024), "llama-3-405b",
        layout(dp=64, sequences=2048), 12.41),
    Row("Llama-3 405B, 16,384 H100", H100.format(2048), "llama-3-405b", (), 6.67),
    Row("Llama-3 405B, CP16, 16,384 H100", H100.format(2048), "llama-3-405b",
        layout(cp=16, dp=8, sequence=131072, sequences=128), 8.95),
)  # fmt: skip
# Dispatch (INT8, 7.5 kB a token with its scales) and combine (BF16) of 128 tokens, microseconds.
EXPERTS = ((8, 116, 118), (256, 152, 149))


def predict(row: Row) -> dict[str, float]:
    """Ask the command for the step of a row.

    Raises:
        SystemExit: the command refuses it, with the reason.
    """
    words = ["job", row.job, row.machine, "--json"]
    for change in (*HIDDEN, *row.changes):
        words += ["--set", change]
    words += ["--ranks", row.ranks] if row.ranks else []
    ended = CliRunner().invoke(commands, words)
    if ended.exit_code:
        sys.exit(f"{row.name}: {ended.stderr.strip()}")
    found: dict[str, float] = json.loads(ended.stdout)["step"]
    return found


def table(rows: Sequence[Row]) -> list[float]:
    """Print published beside predicted, and give the latter."""
    found = []
    for row in rows:
        made = predict(row)
        found.append(made["seconds"])
        error = 100 * (made["seconds"] / row.seconds - 1)
        print(
            f"{row.name:38} {row.seconds:7.2f} s  {made['seconds']:7.2f} s  {error:+6.1f} %  "
            f"computing {made['computing_seconds']:6.2f}, bubble {made['bubble_seconds']:5.2f}, "
            f"exposed {made['exposed_seconds']:5.2f}  {made['memory_GB']:5.1f} GB  {made['binds']}",
            flush=True,
        )
    return found


def experts() -> bool:
    """Print measured dispatch and combine beside their bounds; tell whether none is below."""
    right = True
    for count, *measured in EXPERTS:
        words = ["job", "deepseek-v3-decode", "cloudmatrix384", "--json"]
        changes = [f"layout.ep={count}", f"layout.dp={count}", "decode.tokens=128"]
        changes += ["decode.copies=8", "decode.dispatch_bytes=1.0714", "decode.exchanges=1"]
        for change in changes:
            words += ["--set", change]
        costs = json.loads(CliRunner().invoke(commands, words).stdout)["costs"]
        bounds = [1e6 * cost["seconds"] / 61 for cost in costs]
        right &= all(low <= high for low, high in zip(bounds, measured, strict=True))
        print(
            f"CloudMatrix384 EP{count}: dispatch {measured[0]} us, bound {bounds[0]:.1f}; combine "
            f"{measured[1]} us, bound {bounds[1]:.1f}"
        )
    return right


def main() -> None:
    """Print all rows; exit 1 where a measurement is below a bound."""
    print(f"{'':38} published  predicted")
    found = table(PAIRS)
    pairs = list(combinations(range(len(PAIRS)), 2))
    told = sum((found[a] < found[b]) == (PAIRS[a].seconds < PAIRS[b].seconds) for a, b in pairs)
    print(f"of {len(pairs)} pairs of layouts {told} are told apart as measured")
    table(OTHERS)
    sys.exit(0 if experts() else 1)


if __name__ == "__main__":
    main()
