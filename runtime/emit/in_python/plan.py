"""The plan, made by commplan: figures for any size."""

# A collective of one process, so that this file runs as it stands.
COLLECTIVE = "all_reduce"
TOPOLOGY = "one rank"
ROOT = -1
REDUCES = True
BUSBW = 0.0
RANKS = [0]
SIZES = [1]
LAYOUT = [
    (range(0, 1), range(0, 1)),
]
PARTS = 1
PIECES = """
0 0 1
"""
KEPT = """
0 0
"""
TRANSFERS = """
"""
LEAD, PHASES = 2, 1
CHUNKS_SQUARE, CHUNKS_LINEAR, CHUNKS_STEADY, CHUNKS_MOST = 0.0, 0.0, 0.0, 512
