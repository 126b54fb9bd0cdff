"""What the processes of an MPI job do together to measure: the thin edge of calibration."""
