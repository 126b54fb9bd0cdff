"""From a machine and demands between pairs of ranks to fractional paths of highest throughput."""
