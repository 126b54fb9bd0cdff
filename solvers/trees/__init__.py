"""From a machine and a collective to a packing of trees of highest throughput."""
