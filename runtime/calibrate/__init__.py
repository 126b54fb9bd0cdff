"""From what processes measure between each other to a machine with its figures."""
