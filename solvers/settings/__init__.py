"""From what a user asks of a search to its options, its deadline, and its news."""
