"""Who moves on what is under way: whoever waits, a thread, or a call of MPI beside it."""
