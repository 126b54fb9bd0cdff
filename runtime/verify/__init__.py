"""From a schedule to what is wrong with it, its throughput, and what its certificate proves."""
