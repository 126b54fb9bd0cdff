"""Presets: machines that exist, each figure with its evidence."""
