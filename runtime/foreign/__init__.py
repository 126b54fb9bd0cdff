"""Schedules in the formats of others: read, held to the rules of their runtimes, and executed."""
