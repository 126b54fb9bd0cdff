"""Collectives of a few ranks of a large machine, and what the ranks outside may do."""
