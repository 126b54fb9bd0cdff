"""For a researcher: write an algorithm as a list of messages, and learn how good it is.

An all_gather on a ring of six, one way round. It uses half of the links.
"""

import commplan

ring = commplan.topology("ring:6")
sends = [
    ((block + step) % 6, (block + step + 1) % 6, block, step)  # src, dst, piece, step
    for block in range(6)
    for step in range(5)
]
mine = commplan.schedule_from(sends, ring, commplan.collective("all_gather", range(6)))
report = commplan.verify(mine)
assert report.correct, report.faults
print(f"right; {float(report.algbw) / 1e9:.1f} GB/s in the limit of large data")
found = commplan.compare(mine)
print(
    f"the best schedule is {float(found.report_ours.algbw / found.report.algbw):.3g} times as fast"
)
short = commplan.schedule_from(sends[:-1], ring, mine.collective)
print(f"without the last message: {commplan.verify(short).faults[0]}")
