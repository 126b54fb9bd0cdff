"""For an HPC engineer: how good are the times of my benchmark, and what explains them?"""

import commplan

LOG = """collective,ranks,size,us
all_reduce,8,67108864,620
all_reduce,8,1073741824,8600
"""
with open("log.csv", "w") as file:  # any log of nccl-tests, OSU and others does as well
    file.write(LOG)

machine = commplan.topology("dgx-a100")
found = commplan.judge(machine, commplan.load_measurements("log.csv"))
for row in found.rows:
    print(f"{row.measured.size:>12} bytes: {row.of_bound:.1%} of what the machine allows")
for verdict in found.verdicts:
    print(verdict.sentence)
