"""What a command answers, and how that is printed: lines for people, one object for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from commplan.cli.failures import told


@dataclass(frozen=True)
class Answer:
    """fields: the JSON object; lines: the same for a person; yes: exit code 0, else 1."""

    fields: Mapping[str, object]
    lines: Sequence[str]
    yes: bool = True


class Command(click.Command):
    """A command whose function returns an Answer; it takes --json and --debug besides."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.params += [
            click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object."),
            click.Option(
                ["--debug"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_remember,
                help="Show the trace of an internal error.",
            ),
        ]

    def invoke(self, ctx: click.Context) -> None:
        """Run the command and print its answer."""
        as_json = ctx.params.pop("as_json")
        answer: Answer = super().invoke(ctx)
        if as_json:
            click.echo(json.dumps(answer.fields, allow_nan=False))
        else:
            click.echo("\n".join(answer.lines))
        if not answer.yes:
            ctx.exit(1)


class Commands(click.Group):
    """The commands in the order in which they were added, with the project's exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Keep the order of the work: machine, schedule, check, program."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> None:
        """Run a command; say in one line for each mistake what went wrong."""
        with told(ctx):
            super().invoke(ctx)


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta["commplan.debug"] = value


def table(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    """Lay named figures out below a title."""
    width = max(len(name) for name, _ in rows)
    return [title, *(f"  {name:{width}}  {text}" for name, text in rows)]
