"""From a collective and a size to the schedules that may be fastest, measured and compared."""
