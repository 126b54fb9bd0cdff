"""From a schedule to figures: height, link loads, bus bandwidth, number of chunks."""
