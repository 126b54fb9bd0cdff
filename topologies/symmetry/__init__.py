"""From a machine to permutations that keep it, and the groups that they generate."""
