"""For an HPC engineer: a link fails. What is left, and which link would hurt most?"""

import commplan

machine = commplan.topology("torus:3x3")
what = commplan.collective("all_gather", range(machine.ranks))
whole = commplan.plan(machine, what)

cable = machine.link_name(0).replace(" -> ", ":")  # as SRC:DST
damage = commplan.read_damage(machine, without=[cable])
left = commplan.replan(whole.schedule, damage)
before, after = whole.report.algbw, left.plan.report.algbw
print(f"a cable less: {float(after / before):.1%} of the rate, optimal: {left.plan.report.optimal}")

half = commplan.read_damage(machine, slow=[f"{cable}=0.5"])
slower = commplan.replan(whole.schedule, half)
print(f"a cable at half its rate: {float(slower.plan.report.algbw / before):.1%}")
