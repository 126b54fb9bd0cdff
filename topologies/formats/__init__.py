"""From files, names and graphs to machines, and back."""
