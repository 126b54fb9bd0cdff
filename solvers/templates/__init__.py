"""Known schedules, as baselines."""
