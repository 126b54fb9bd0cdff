"""For a framework engineer: tokens of a mixture of experts, once to each rank or once to each box.

An all_to_allv sends a token to each of its ranks. A dispatch may send it to a box once.
"""

import commplan

machine = commplan.topology("leaf-spine:2x4x2")  # two boxes of four ranks
ranks = tuple(range(machine.ranks))
tokens = commplan.tokens("node-limited:groups=2,most=1,experts=16,top=4,tokens=64", len(ranks))
plan = commplan.plan(machine, commplan.dispatch(ranks, tokens))
print(
    f"dispatch: {float(plan.report.algbw) / 1e9:.1f} of at most "
    f"{float(plan.schedule.bound.algbw) / 1e9:.1f} GB/s"
)

matrix = commplan.demand("lognormal:sigma=1,seed=2", len(ranks))
plan = commplan.plan(machine, commplan.all_to_allv(ranks, matrix))
print(f"all_to_allv: {float(plan.report.algbw) / 1e9:.1f} GB/s, optimal: {plan.report.optimal}")
steps = commplan.stages(matrix)
print(f"in stages in which nobody hears from two: {len(steps.lengths)} stages")
