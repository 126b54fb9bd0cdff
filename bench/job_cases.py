"""Published steps of training beside what is predicted, with one set of constants for each chip.

`python -m bench.job_cases` predicts each row by `commplan job JOB MACHINE --set ...`, as a user
would. The constants are those of `solvers/steps`, each with its source, and the same for all rows:
0.7 of the peak for large products, 0.8 of memory and of the planned rate of the network, 5 us a
kernel were fixed before any row was compared; waves of tiles, whole layers, attention and the last
product in BF16, gradients added in memory and the host's times were added after the first
comparison, with the figures of their sources, none of them fitted. Of what is hidden: what the
framework says that it overlaps (pipeline and data parallel traffic, experts' only where the row
says so), up to the time of computation.

Sources: Megatron-Bridge, docs/performance-summary.md (tokens/s/GPU); Megatron-MoE-ModelZoo,
best_practice/Qwen3 (step time; TFLOPS/GPU of long sequences); DeepSeek-V3's hardware paper,
arXiv:2505.09343, Table 4; Llama 3, arXiv:2407.21783, Table 4 (TFLOPS/GPU); CloudMatrix384,
arXiv:2506.12708, Table 6.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

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
# The same layout from 16,384 to 131,072 tokens, 256 of them a step, published as TFLOPS/GPU with
# forced balance: a token's are 6 for each active parameter (21.57e9 without the first matrix) and
# those of causal attention, as 276 of the row above with 17.6 s are. It recomputes whole layers of
# experts besides norms, which `recompute` knows no word for: less is counted.
LONG = tuple(
    Row(f"Qwen3-235B TP4 EP8, {tokens:,} tokens, CP{cp}", H100.format(32), "qwen3-235b",
        layout(tp=4, cp=cp, ep=8, etp=1, dp=8 // cp, sequences=256, sequence=tokens,
               recompute="selective", copies=boxes(8)),
        tokens * (6 * 21.57e9 + 6 * 94 * 64 * 128 * tokens) / tflops / 1e12)
    for tokens, cp, tflops in ((16384, 1, 295), (32768, 2, 335), (65536, 4, 368), (131072, 8, 389))
)  # fmt: skip
SPINE = next(n for n, row in enumerate(OTHERS) if row.name.endswith("a spine"))
# Dispatch and combine of top 8, hidden 7,168, by EP. In microseconds, of 128 tokens a rank: INT8
# with scales (7.5 kB) and BF16 by CANN on CloudMatrix384, of which the paper's other rows could not
# be had; the same by SGLang's kernels on an A3 SuperPOD of 384 (sgl-kernel-npu, README, 060a3fa);
# FP8 with scales (7.4 kB) and BF16 by DeepEP's low-latency kernels on H800 (README of 2025-02-25;
# with NVLink used, docs/legacy.md). In GB/s of all that is sent, a rank's own share included, of
# 4,096 tokens: SGLang's kernels for prefill and training.
SMALL, LARGE = 128, 4096  # tokens of a rank
TABLES = (
    ("CloudMatrix384, CANN", "cloudmatrix384", 1.0714, SMALL,
     {8: (116, 118), 16: None, 32: None, 64: None, 128: None, 256: (152, 149)}),
    ("CloudMatrix384, SGLang", "cloudmatrix384", 1.0714, SMALL,
     {8: (132, 126), 16: (139, 135), 32: (153, 151)}),
    ("CloudMatrix384, SGLang, 4,096 tokens", "cloudmatrix384", 1.0714, LARGE,
     {8: (146, 125), 16: (107, 103), 32: (102, 95), 64: (81, 91), 128: (57, 81)}),
    ("H800, DeepEP", "dgx-h100:boxes=32", 1.0313, SMALL,
     {8: (77, 114), 16: (118, 195), 32: (155, 273), 64: (173, 314), 128: (192, 369),
      256: (194, 360)}),
)  # fmt: skip
# Means of deepseek-ai/profile-data's training trace (H800, 4,096 tokens to 4 of 8 boxes, seconds);
# its type is not told. Whether BF16, or FP8, can be.
TRACE = (("EP dispatch", 3405e-6, 2, False), ("EP dispatch", 3405e-6, 1, True),
         ("EP combine", 6181e-6, 2, True))  # fmt: skip
SAME = 1e-3  # what two networks of one job may differ by


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


def ask(words: Sequence[str]) -> dict[str, Any]:
    """Give what the command answers as JSON; it may say no."""
    found: dict[str, Any] = json.loads(CliRunner().invoke(commands, [*words, "--json"]).stdout)
    return found


def experts() -> bool:
    """Print measured dispatch and combine beside their bounds; tell whether none is below."""
    right = True
    for title, machine, width, tokens, rows in TABLES:
        for count, told in rows.items():
            bounds = exchange_bounds(machine, width, tokens, count)
            cells = []
            for place, (name, bound) in enumerate(bounds.items()):
                if told is None:
                    cells.append(f"{name} not published, bound {bound:.1f} us")
                    continue
                wide = width if name == "dispatch" else 2
                sent = tokens * 8 * 7168 * wide  # bytes
                measured = told[place] if tokens == SMALL else sent / told[place] / 1e3
                right &= bound <= measured
                part = f"{100 * bound / measured:3.0f} % of the rate"
                cells.append(f"{name} {measured:6.0f} us, bound {bound:6.1f}, {part}")
            print(f"{title}, EP{count}: {'; '.join(cells)}")
    return right


def exchange_bounds(machine: str, width: float, tokens: int, count: int) -> dict[str, float]:
    """Ask the command for what no dispatch and combine beats where it places them, in us."""
    changes = [f"layout.ep={count}", f"layout.dp={count}", f"decode.tokens={tokens}"]
    changes += ["decode.copies=8", f"decode.dispatch_bytes={width}", "decode.exchanges=1"]
    sets = [word for change in changes for word in ("--set", change)]
    rows = ask(["job", "deepseek-v3-decode", machine, *sets])["groups"]
    return {row["what"]: 1e6 * row["seconds"] for row in rows}


def trace() -> bool:
    """Judge what a trace took, with one assumption and another; tell whether all is as it must."""
    right = True
    for name, seconds, width, possible in TRACE:
        changes = ("model.copies=4", f"model.dispatch_bytes={width}")
        sets = [word for change in changes for word in ("--set", change)]
        words = ["job", "deepseek-v3", H100.format(256), *sets, "--measured", f"{name}={seconds}"]
        claim = ask(words)["claims"][0]
        verdict = "possible" if claim["possible"] else "impossible"
        print(
            f"{name} of {width} bytes an element: {1e3 * seconds:.3f} ms, bound "
            f"{1e3 * claim['bound_seconds']:.3f} ms: {verdict}"
        )
        right &= claim["possible"] == possible
    return right


def main() -> None:
    """Print all rows; exit 1 where something measured is below a bound, or networks differ."""
    print(f"{'':38} published  predicted")
    found = table(PAIRS)
    pairs = list(combinations(range(len(PAIRS)), 2))
    told = sum((found[a] < found[b]) == (PAIRS[a].seconds < PAIRS[b].seconds) for a, b in pairs)
    print(f"of {len(pairs)} pairs of layouts {told} are told apart as measured")
    others = table((*OTHERS, *LONG))
    rows = (*PAIRS, *OTHERS, *LONG)
    errors = [made / row.seconds - 1 for made, row in zip(found + others, rows, strict=True)]
    mean = sum(map(abs, errors)) / len(errors)
    print(f"errors from {100 * min(errors):+.1f} to {100 * max(errors):+.1f} %, mean {mean:.1%}")
    rail, spine = others[SPINE - 1], others[SPINE]
    print(f"DeepSeek-V3 on two networks: {100 * abs(rail / spine - 1):.3f} % apart")
    right = [abs(rail / spine - 1) <= SAME, experts(), trace()]
    sys.exit(0 if all(right) else 1)


if __name__ == "__main__":
    main()
