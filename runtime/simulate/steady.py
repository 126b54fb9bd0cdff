"""Plays of many chunks from plays of fewer: once all are under way, chunk follows chunk."""

from runtime.simulate.play import play
from runtime.simulate.traffic import Traffic


def play_steadily(traffic: Traffic, lead: int) -> int:
    """Give the tick at which the last message is complete."""
    return play(traffic, lead).end
