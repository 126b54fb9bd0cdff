"""Topologies as pictures: written, never read."""
