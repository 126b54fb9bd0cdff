"""From collectives that run at the same time to a set of schedules, compared with plans of each."""
