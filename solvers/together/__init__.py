"""From collectives that run at the same time to schedules that share the links at best."""
