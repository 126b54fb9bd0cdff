"""Machines by name: shapes by formula, products by their makers' figures."""
