"""Commands about other machines: what is left of one, what more brings, machines side by side."""
