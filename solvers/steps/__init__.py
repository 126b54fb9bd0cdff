"""The time of a step: computation by a roofline, the pipeline, and what communication adds."""
