"""From files that lie on a cluster already to its machine, each figure with where it comes from."""
