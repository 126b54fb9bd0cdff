"""What moves, and why nothing is faster: collectives, schedules, bounds and their proofs."""
