"""What was measured, and what follows from it, as lines and as fields."""
