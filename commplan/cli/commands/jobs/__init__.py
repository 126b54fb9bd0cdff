"""Commands about training jobs."""
