"""The numbers that decide what is tried and what is chosen, each with its unit and its reason."""

from fractions import Fraction

from runtime.metrics.pacing import MOST_LEAD, Pacing

# What is tried.
TEMPLATE_RANKS = 256  # ranks up to which templates are: they are written out in full
EXACT_RANKS = 8  # ranks up to which exact search is: its model grows with ranks, chunks and steps
EXACT_CHUNKS = 6  # of a block, at most, for the same reason
EXACT_WORK = 3.0  # seconds' worth of work for exact search: an answer is waited for
FLOW_COLUMNS = 2_000  # of a program for other flows: a hundredth of a second for each of them
FLOW_WORK = 1.0  # seconds' worth of work for them
LOW_RANKS = 64  # ranks up to which trees of less height are packed, and links matched
LOW_WORK = 2.0  # seconds' worth of work for each of these heights, of which there are many:
LOW = (2, 3, 4, 6, 8, 12, 16, 24)  # messages in a row; close together where one more matters most
EASED_RANKS = 64  # ranks up to which trees are packed again, to leave room on links
EASED_WORK = 2.0  # seconds' worth of work for each time
EASED_PARTS = (70,)  # hundredths of a link that are offered then, where a size is given
MATCHED_PARTS = (1, 2, 4, 8, 16)  # that each block is cut into
MATCHED_ALWAYS = 4  # parts; more where they have gained so far at the size asked for
# Bytes of a part then, at least; of less a ring:8 gains less than 2 % by smaller parts, so that no
# smaller size takes longer than a larger one, whose parts may be smaller in proportion.
MATCHED_LEAST = 2**9
MATCHED_SIZE = 2**24  # bytes for which links are matched where no size is given: a large one
MATCHED_SENDS = 20_000  # at most, as every send is placed by itself
QUICK_SIZES = (2**10, 2**14, 2**18)  # bytes for which trees are made that are quick there
QUICK_FAR = 16  # times the largest of these, beyond which latency tells little
CLOSE = 1.01  # times the bound at a size, within which no others are looked for: little to gain
NEAR = 1.005  # times the bound, within which no other pacings are tried
TUNED = 3  # candidates, the fastest, for which other numbers of chunks and leads are tried
# Program steps: beyond six messages that come early get in the way of others, but in matchings.
LEADS = (2, 4, MOST_LEAD, 6, 1, 3)
VARIED_WORK = 20_000_000  # visits of messages to links, in all these plays
RANK_WORK = 2_000  # visits that take as long as what a play does for each rank before it begins
ALLOCATED_MESSAGES = 2**18  # up to which a program's scratch is counted message by message
SHARED_WORK = 1_000_000  # visits of messages to links up to which shared links are played as well
SHARED_PHASES = ((3, 2), (4, 2), (4, 3))  # leads, and phases of what falls behind where links share
SHARED_VISITS = 4_000  # of transfers to links, written out, up to which that is tried
# Where what messages cost keeps a rank busy for more than a part of the time, fewer chunks are
# chosen that take at most so many times as long. They are looked for at these parts of the pace,
# one after the other while that holds.
BUSY, CHEAP = 1 / 8, 1.01
ROOM = Fraction(1, 4)  # of the size, as scratch, that they may need where no limit is given
FEWER_CHUNKS = tuple(2.0**-i for i in range(1, 11))
FAR = 2  # times the best time, beyond which they are not: they are tried to make near ones nearer

# What is chosen: the simulator charges nothing for bytes that queue in a switch; networks do.
INCAST_LIMIT = 2**20  # bytes that may wait there for one rank before stages are preferred
WORTH = 1.2  # times the time that a schedule without such a pile may take: what piles cost over TCP
SLOW_INCAST_LIMIT = 2**15  # bytes that may wait so before others, about as fast, are preferred
ALIKE = 1.02  # times the time within which schedules count as about as fast

# Sets of schedules for many sizes: what is best only between two of the first sizes is missed.
STRIDE = 4  # from one size of the first races to the next
CLOSE_SIZES = 1.01  # ratio of two sizes between which no switch point is looked for
TOGETHER = 4  # jobs that are sent to another process at a time: they answer only figures

# Without a size: what a plan reaches at LARGE bytes.
# Leads and strides, the usual ones first, which win where they are alike.
LARGE_PACINGS = ((3, 1), (2, 1), (4, 1), (6, 1), (16, 1), (2, 2), (3, 3), (3, 2))
# Leads, strides and phases for what reaches little with these where links share.
DEALT_PACINGS = (
    *((3, 1, 2), (4, 1, 2), (6, 2, 2), (6, 3, 2), (4, 1, 3), (4, 2, 3)),
    *((3, 1, 4), (6, 1, 4), (6, 2, 4), (8, 2, 4), (16, 1, 3)),
)
# Without a size trees are packed again, with less of each link, where they reach little as well.
EASED_LARGE_PARTS = (70, 50)
EASED_VISITS = 10_000  # of transfers to links, written out, up to which they are
DEALT_VISITS = 2_500  # of transfers to links, written out, up to which they are dealt to phases
# What is tried for schedules of many steps that reach less than HIGH: where chunks are two or four
# steps apart each is through in the time of a half or a quarter; where latency allows few chunks,
# more of them cost less than filling links does; fewer beat better on some machines that are played
# folded.
CLOSER_PACINGS = (
    Pacing(lead=6, phases=2, dealt=False),
    Pacing(pace=4.0, lead=4, order="piece"),
    Pacing(pace=8.0, lead=6),
    Pacing(lead=4),
    Pacing(pace=0.6, lead=2),
    Pacing(lead=12, phases=4, dealt=False),
    Pacing(lead=2, order="piece", stride=2),
)
JOINED_PACING = Pacing(pace=4.0, lead=4)  # where messages of two ranks go together
JOINED_TRANSFERS = 20_000  # up to which they are put together: one by one, in half a second
HIGH = 0.97  # of what links can carry, within which none of these is tried
CLOSER_WORK = 30_000_000  # visits of messages to links, in all these plays
FEWER_RANKS = 64  # from which a dozen trees are tried in place of many, out of one root
FEWER_WORK = 5.0  # seconds' worth of work for them
NEARLY = 0.96  # of what links can carry: a pacing that reaches it is not compared with others
LARGE_CHUNKS = 32  # of the longer play, at least
LARGE_WORK = 8_000_000  # visits of messages to links up to which a plan is played at all
SUM_WORK = 24_000_000  # the same for sums, which are played twice: two seconds on 1,024 ranks
KEPT_EVENTS = 100_000  # of a play that asks whether a repaired plan may keep its pacing
PACING_WORK = 1_000_000  # the same, in all plays of its pacings together: half a second or so
DEALT_WORK = 12_000_000  # the same, for phases: two or three seconds on machines that need them
PLAY_WORK = 10_000  # visits that take as long as what two plays do before they begin
