"""Networks of switches by formula, and the pods in which they join equal boxes."""
