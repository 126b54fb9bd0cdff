"""A topology as an emulated network on one Linux computer: namespaces and shaped links."""
