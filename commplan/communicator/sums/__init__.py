"""From the operation and the type of a reduction to how its elements are added up."""
