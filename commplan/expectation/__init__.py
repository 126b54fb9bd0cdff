"""From a machine and collectives to what they should take at each size, and what nothing beats."""
