"""A plan at any time: searches that can be left, and what is handed out then."""
