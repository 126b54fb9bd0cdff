"""An Alltoallv: from its matrix to blocks at their places, planned at once or by search."""
