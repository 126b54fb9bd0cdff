"""What is wrong with a job."""

from topologies.model.errors import WRONG_INPUT, CommplanError


class JobError(CommplanError, ValueError):
    """A job that cannot be: its file cannot be read, or its figures do not fit each other."""

    exit_code = WRONG_INPUT
