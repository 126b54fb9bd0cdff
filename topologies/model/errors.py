"""The root of all errors of commplan, and the exit codes that they end a command with."""

from typing import ClassVar

NO, WRONG_INPUT, INTERRUPTED, BUG = 1, 2, 130, 70


class CommplanError(Exception):
    """What commplan says on purpose: a line for each reason or mistake.

    Attributes:
        exit_code: what a command ends with; every error states NO or WRONG_INPUT, or that it is a
            BUG.
    """

    exit_code: ClassVar[int] = BUG


class ArgumentError(CommplanError, ValueError):
    """An argument of a function that cannot be meant: which, what was found, what was expected."""

    exit_code = WRONG_INPUT
