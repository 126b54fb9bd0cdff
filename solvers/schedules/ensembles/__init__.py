"""Values: collectives that run at the same time, a schedule for each, and all of them as one."""
