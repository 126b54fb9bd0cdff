"""From transfers to times: rounds, stages, timetables, and matching link by link."""
