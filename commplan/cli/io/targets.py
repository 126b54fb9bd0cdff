"""Targets by their names, as a person writes them."""

from collections.abc import Callable
from typing import Any

import click

from runtime.emit.targets import read_target, runnable
from runtime.program.program import ProgramError
from topologies.model.messages import unknown


def target_name(text: str) -> str:
    """Refuse an unknown target, or options that it does not have.

    Raises:
        BadParameter: one of them.
    """
    try:
        read_target(text)
    except ProgramError as error:
        raise click.BadParameter(str(error)) from None
    return text


def runnable_target(text: str) -> str:
    """Refuse a target whose programs nothing runs.

    Raises:
        BadParameter: it is one, or none at all.
    """
    try:
        known, _ = read_target(text)
    except ProgramError:
        known = None
    if known is None or not known.runner:
        raise click.BadParameter(unknown("target that runs", text, runnable()))
    return text


def target_option(usual: str) -> Callable[[Any], Any]:
    """Make the option that says in which language a program is run."""
    return click.option(
        "--target",
        type=runnable_target,
        metavar="TARGET",
        default=usual,
        show_default=True,
        help="Language of the program.",
    )
