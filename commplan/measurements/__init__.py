"""From logs of benchmarks to rows: a collective, its ranks, bytes and seconds."""
