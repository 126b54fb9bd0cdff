"""What names of hardware stand for: rates and latencies, each with its source."""
