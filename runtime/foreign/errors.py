"""What is wrong with a file in the format of another tool."""

from topologies.model.errors import WRONG_INPUT, CommplanError


class ForeignError(CommplanError, ValueError):
    """A file of another tool that cannot be read, or breaks the rules of its format."""

    exit_code = WRONG_INPUT
