"""What the machine is: ranks, switches and links, by formula, by name or from a file."""
