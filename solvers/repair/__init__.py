"""From a schedule of trees to the best trees on what is left of its machine, few changed."""
