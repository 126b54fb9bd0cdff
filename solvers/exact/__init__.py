"""From steps, rounds and chunks to a schedule that keeps them, or to the proof that none does."""
