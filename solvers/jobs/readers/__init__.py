"""Job files of others, each a module: what they say, as a job."""
