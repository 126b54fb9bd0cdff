"""For an HPC engineer: describe a cluster of your own, plan for it, and write a program in C.

Two boxes of four ranks, a switch in each, and a switch between them.
"""

from fractions import Fraction

import commplan

FAST, SLOW = Fraction(200 * 10**9), Fraction(100 * 10**9)  # bytes per second

boxes = ("left", "right")
ranks = [f"{box}{i}" for box in boxes for i in range(4)]
switches = [commplan.Switch(name) for name in (*boxes, "spine")]
inside = [commplan.Link(rank, rank[:-1], FAST, 1e-6, duplex=True) for rank in ranks]
outside = [commplan.Link(box, "spine", SLOW, 3e-6, duplex=True) for box in boxes]
machine = commplan.build("two boxes", ranks, switches, [*inside, *outside])

what = commplan.collective("all_reduce", range(machine.ranks))
plan = commplan.plan(machine, what)
rate = float(plan.report.algbw) / 1e9
print(f"all_reduce: {rate:.4g} GB/s (size / time), proved optimal: {plan.report.optimal}")

commplan.save_topology(machine, "two-boxes.toml")
commplan.save_schedule(plan.schedule, "all_reduce.json")
with open("all_reduce.c", "w") as file:
    file.write(commplan.emit(plan.schedule, "c"))
print("mpicc -O3 -std=c11 all_reduce.c -o all_reduce -lm && mpirun -n 8 ./all_reduce")
