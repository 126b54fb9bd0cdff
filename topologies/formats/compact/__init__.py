"""Topology files in which a row stands for many: from such rows to all of them, and back."""
