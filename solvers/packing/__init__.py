"""From orders and prices to the best packing of trees: the order LP and its columns."""
