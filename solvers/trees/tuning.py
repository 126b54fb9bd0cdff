"""The numbers that steer the packing of trees as a whole, each with its unit and its reason."""

# Which problem is solved.
CROWDED_ROOT = 256  # members for each root, from which each family needs many trees
HELPED_MEMBERS = 128  # members up to which ranks outside branch; with more the LPs take too long
NEAR_OPTIMUM = 0.05  # relative distance from the bound within which planted trees are taken

# The search over heights.
LIKELY_HEIGHTS = 2  # heights, from the least possible one up, at which fast trees are common
MANY_FAMILIES = 8  # families above which these come before trees of any height, which take long
LARGE_FAMILIES = 512  # members of several families, above which fast trees are common higher up
LARGE_MORE = 2  # messages by which they are higher then
SHALLOW_HOPS = 3  # messages to the farthest member up to which one root's many trees are low
TALL_ENOUGH = 64  # a height that bounds next to nothing
MANY_CHOICES = 2**15  # choices of parents above which trees lower than LOW_ENOUGH are not sought
LOW_ENOUGH = 5  # messages
MISSES = 2  # heights in a row without trees after which the search ends
HEIGHT_ROUNDS = 8  # rounds of pricing for each height
HEIGHT_PATIENCE = 0.3  # part of the work that is left, for each height

# The search for few trees of each root.
SWEEPS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # how steep prices are in each sweep: ever steeper
STARTS = 96  # places for trees of all starts together, about; there are 2 starts at least
CHOOSING = 8.0  # work for the mixed integer program, in units of about a second
PATH_WORK = 1e-6  # work for the cheapest paths, for each root and link
POOL_TREES = 1024  # trees that the program chooses from: its size
PRICE_TIE = 1e-6  # weight of alpha against the highest price, so that shorter paths win ties
NO_WEIGHT = 1e-6  # a weight below this is none
HEIGHT_FACTOR = 2  # times the height of the packing that trees may have
