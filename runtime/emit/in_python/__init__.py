"""The parts of an emitted Python program; as they stand, a collective of one process."""
