"""What MPI libraries have of their own, and the files by which they select."""
