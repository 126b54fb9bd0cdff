"""Collectives whose blocks are computed when they are asked for, and never laid out."""
