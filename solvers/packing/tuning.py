"""The numbers that steer column generation, each with its unit and its reason."""

# The first columns.
NEARBY = 6  # candidate parents of a member, early ones and late ones, where members are many
PAIRS = 8192  # about how many pairs of roots and members there may be for each nearby candidate
EVERY = 48  # members up to which every earlier member is a candidate: the LP stays small
HELPER_ORDERS = 64  # helpers × families up to which each family has an order with each helper
RANDOM_ORBITS = 32  # orbits of members up to which the first orders are random: more take too long
SHUFFLES = 3  # random orders for each orbit
FEW_FAMILIES = 8  # families up to which the first orders go by distance, so that trees are low
FIRST_TREES = 24  # trees that avoid each other, added at first; at least one for each family
FIRST_ROWS = 8192  # rows of the LP that those may add where one for each family adds less

# What a search counts as work, in units of a second of a computer of 2026.
TREE_WORK = 1e-4  # for each member of a tree that is looked for
ORDER_WORK = 2e-4  # for each order
PAIR_WORK = 1e-7  # for each pair of members

# Pricing.
CLOSE = 1e-9  # relative distance at which the trees' price counts as the time: rounding of floats
GAIN = 1e-7  # least improvement, relative, that a new column must promise: less is rounding
PRICE_TIE = 1e-7  # weight of alpha against the highest price, so that shorter paths win ties
MORE_TREES = 16  # trees that avoid each other, added in a round
PLENTY_TREES = 64  # the same, where there are more members than TRUSTED
TRUSTED = 128  # members up to which the first trees of bounded height are about the cheapest
MOVES = 2**21  # moves of members that are judged to plant trees of bounded height: half a second
TRIES = 12  # rounds of them without a cheaper one, after which no more are tried
NEAR_OPTIMUM = 0.01  # relative distance from which trees that ignore each other are added as well

# Congestion prices.
CONGESTION_STEEP = 3.0  # a full link costs e to this times as much as an empty one
CONGESTION_LOOKS = 64  # times in a round that the cheapest paths are looked up anew
CONGESTION_TIE = 1e-6  # weight of alpha against the highest price, so that shorter paths win ties

# When rounds end.
STRAIGHT_COLUMNS = 200_000  # columns of all rounds, above which trees around hubs end
HUB_COLUMNS = 60_000  # columns of the first program, above which it takes too long
LITTLE = 1e-3  # relative gain of a round at or below which trees around hubs do not suffice
FULLNESS_STEEP = 20.0  # a full link costs e to this times as much as an empty one, for such trees
KEPT_ORDERS = 4  # orders for each family up to which none is dropped
IDLE = 1e-9  # weight of an order at or below which it may be dropped
HOPELESS = 1.1  # times the goal: where prices prove about that, the goal is given up
STALLED = 0.6  # part of the distance to a goal: a round that leaves more of it did not do much
ROUND_COLUMNS = 250_000  # columns of all rounds together up to which there is another one
AT_HAND = 0.2  # relative distance from which there is another round anyway, if none stalled

# Low trees among the optimal ones.
HEIGHT_WORK = 0.4  # part of the work that is left; the rest is for the exact solution
LARGE_COLUMNS = 2**15  # columns above which one program takes seconds, and few are solved
TALL_HOPS = 8  # messages to the farthest member, from which trees are tall anyway
