"""Traces of messages for simulators: Chakra and GOAL, read back and played by their rules."""
