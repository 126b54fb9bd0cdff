"""From a machine, a collective and a size to the schedule that is fastest when it is run."""
