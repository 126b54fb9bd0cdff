"""What placing a job gains: ours beside what others would do, the bound, the gap, and the time.

`python -m bench.placements` prints a line for each job and machine: published layouts on machines
that are sold, then machines that are irregular, with dead ranks, and with ranks of the job that are
pinned. Each is asked for by `commplan job JOB MACHINE`, as a user would. Exit code 1 where ours is
worse than any other, or below the bound.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from click.testing import CliRunner

from commplan.cli.group import commands
from topologies.model.units import Seconds, duration

EXACT = 1e-9  # of a time, that floats may be off
OTHERS = ("Megatron-LM's", "DeviceMesh's", "the reverse", "at random", "least group spread")
SMALL = """\
# tp={tp} dp={dp} pp={pp}
group,collective,bytes,times
tp,all_gather,64MiB,40
tp,all_to_all,8MiB,10
dp,all_reduce,100MiB,2
pp,send,4MiB,16
"""
PANGU = ("tp=8", "ep=2", "pp=6", "virtual=4", "dp=16")


@dataclass(frozen=True)
class Case:
    """A job on a machine.

    Attributes:
        job: a preset, or the sizes of the groups of a small job.
        words: further ones of the command.
    """

    machine: str
    job: str | tuple[int, int, int]
    words: tuple[str, ...] = ()


def changes(*fields: str) -> tuple[str, ...]:
    """Write changes of a layout, and what they need, as the command takes them."""
    return tuple(f"--set={'layout.' if '.' not in field else ''}{field}" for field in fields)


SOLD = (
    Case("cloudmatrix384", "pangu-pro-moe-72b", changes(*PANGU, "batch.sequences=1536")),
    Case("ub-mesh:racks=4x4", "ub-mesh-moe-2t"),
    Case("dgx-h100:boxes=32", "qwen3-235b"),
    Case("dgx-h100:boxes=256", "deepseek-v3"),
    Case("dgx-h100:boxes=2048", "llama-3-405b"),
    Case("tpu-v4:4x4x4", (4, 4, 4)),
)
IRREGULAR = (
    Case("cloudmatrix384", "pangu-pro-moe-72b",
         (*changes("tp=8", "ep=2", "pp=5", "virtual=4", "dp=18", "batch.sequences=1440"),
          "--without-rank=0-47")),
    Case("dgx-h100:boxes=4", (4, 6, 1), ("--without-rank=0,9,18,27",)),
    Case("dgx-h100:boxes=4", (4, 2, 2), ("--pin=0=b3.g7", "--pin=5=b0.g0")),
    Case("dgx-a100:boxes=3", (2, 5, 2), ("--without-rank=b1.g[0-3]", "--pin=3=b2.g1")),
    Case("torus:4x4", (2, 7, 1), ("--without-rank=5,10",)),
    Case("mesh:4x4", (4, 3, 1), ("--without-rank=0,3,12,15",)),
    Case("nd-full-mesh:4x4", (4, 2, 1), ("--without-rank=2,7,9", "--pin=0=15")),
    Case("irregular:seed=2", (2, 4, 2)),
    Case("irregular:seed=5", (4, 2, 2), ("--pin=0=3",)),
    Case("irregular:seed=7", (2, 6, 1), ("--without-rank=4",)),
)  # fmt: skip


def ask(case: Case, folder: Path) -> tuple[dict[str, Any], Seconds]:
    """Ask the command, and give what it says and how long it took.

    Raises:
        SystemExit: it refuses, with the reason.
    """
    job = case.job
    if not isinstance(job, str):
        tp, dp, pp = job
        path = folder / f"tp{tp} dp{dp} pp{pp}.csv"
        path.write_text(SMALL.format(tp=tp, dp=dp, pp=pp), encoding="utf-8")
        job = str(path)
    began = perf_counter()
    ended = CliRunner().invoke(commands, ["job", job, case.machine, *case.words, "--json"])
    if ended.exit_code:
        sys.exit(f"{case.machine}: {ended.stderr.strip()}")
    found: dict[str, Any] = json.loads(ended.stdout)
    return found, perf_counter() - began


def told(case: Case, found: dict[str, Any], spent: Seconds) -> str:
    """Lay a line out: seconds, the gap, and how many times as long others take."""
    ours, named = found["exposed_seconds"], found["job"][:22]
    times = [found["baselines"].get(name) for name in OTHERS]
    cells = [f"{each / ours:8.3f}" if each and ours else f"{'-':>8}" for each in times]
    proof = "nested" if found["proved_among_nested"] else ""
    changed = " ".join(word for word in case.words if not word.startswith("--set"))
    return (
        f"{case.machine:20} {named:22} {found['job_ranks']:6} {duration(ours):>9} "
        f"{duration(found['bound_seconds']):>9} {found['gap']:7.2%} {proof:6} {''.join(cells)} "
        f"{spent:6.1f} s  {changed}"
    ).rstrip()


def main() -> None:
    """Print all cases; exit 1 where another placement is better than ours."""
    words = ("Megatron", "Mesh", "reverse", "random", "spread")
    names = "".join(f"{word:>9}" for word in words)
    head = f"{'machine':20} {'job':22} {'ranks':>6} {'ours':>9} {'bound':>9} {'gap':>7} proved"
    print(f"{head} {names}")
    right = True
    with TemporaryDirectory() as folder:
        for case in (*SOLD, *IRREGULAR):
            found, spent = ask(case, Path(folder))
            print(told(case, found, spent), flush=True)
            others = [each for each in found["baselines"].values() if each is not None]
            ours = found["exposed_seconds"]
            right &= all(ours <= each * (1 + EXACT) for each in others)
            right &= found["bound_seconds"] <= ours * (1 + EXACT)
    print(
        "none of the others is better" if right else "another one is better, or the bound is wrong"
    )
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
