"""For a framework engineer: which rank of the machine should play which rank of my job?"""

import commplan

job = commplan.load_job("deepseek-v3", ["layout.pp=2", "layout.ep=16", "layout.dp=16"])
machine = commplan.topology("dgx-h100:boxes=4")
placed = commplan.place(machine, job)
print(f"{placed.title}: {placed.judged.seconds:.4g} s of a step are not hidden")
print(f"no placement has less than {placed.bound:.4g} s")
for rule, seconds in placed.others.items():
    print(f"  {rule}: {seconds:.4g} s")
