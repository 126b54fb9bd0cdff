"""Traffic matrices and token routings: from a file or a description to bytes between ranks."""
