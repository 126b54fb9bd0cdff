"""Single trees made better: lower, lighter, without branches that serve nobody."""
