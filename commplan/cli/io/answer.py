"""What a command answers, and how that is printed: lines for people, one object for programs."""

import ast
import inspect
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from io import StringIO
from typing import Any, NoReturn

import click

from commplan.cli.examples import EXAMPLES
from commplan.cli.io.failures import hand_over, run_reporting
from commplan.cli.widths import fit, terminal_width
from topologies.formats.atomic import keep_pipes
from topologies.model.messages import printable, unknown


@dataclass(frozen=True)
class Answer:
    """What a command answers.

    Attributes:
        fields: the JSON object.
        lines: the same for a person.
        yes: exit code 0, else 1.
    """

    fields: Mapping[str, object]
    lines: Sequence[str]
    yes: bool = True


OUTPUT = ("-o", "--output")


class Once(click.Option):
    """An option that says what is asked; given twice there would be two questions."""


class WithExamples(click.Command):
    """A command, or a group of them, whose help ends with examples."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        if self.help is None and self.callback is not None:
            self.help = _description(self.callback)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what is said at the end, and then examples."""
        super().format_epilog(ctx, formatter)
        if found := EXAMPLES.get(ctx.command_path.partition(" ")[2]):
            with formatter.section("Examples"):
                formatter.write("".join(f"{' ' * formatter.current_indent}{e}\n" for e in found))


def _description(function: Callable[..., Any]) -> str | None:
    """Read a docstring from the source: `python -OO` leaves docstrings out."""
    with suppress(OSError):  # there may be no source
        [made] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
        return ast.get_docstring(made) if isinstance(made, ast.FunctionDef) else None
    return None


class Command(WithExamples):
    """A command whose function returns an Answer; it takes --json and --debug besides."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.params += [
            click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object."),
            click.Option(
                ["--debug"],
                is_flag=True,
                expose_value=False,
                help="Show the trace of an internal error.",
            ),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse what is asked twice, where click would answer the last question without a word.

        Raises:
            UsageError: an option that says what is asked is given twice, or the file to write is
                one to read.
        """
        words = list(args)
        order = self.make_parser(ctx).parse_args(list(args))[2]
        for each in order:
            if isinstance(each, Once) and order.count(each) > 1:
                raise click.UsageError(f"{each.opts[0]} is given twice, expected once")
        left = super().parse_args(ctx, args)
        _keep_inputs(words, ctx.params.get("output"))
        return left

    def invoke(self, ctx: click.Context) -> None:
        """Run the command and print its answer, beside a file that goes to standard output."""
        as_json = ctx.params.pop("as_json")
        answer: Answer = super().invoke(ctx)
        lines = [json.dumps(answer.fields, allow_nan=False)] if as_json else answer.lines
        if not as_json and (width := terminal_width()):
            lines = fit(lines, width)
        taken = ctx.params.get("output") in ("/dev/stdout", "/dev/fd/1")
        click.echo("\n".join(map(printable, lines)), err=taken)
        if not answer.yes:
            ctx.exit(1)


def _keep_inputs(words: Sequence[str], output: object) -> None:
    """Refuse to write over a file that the command reads."""
    if not isinstance(output, str) or not os.path.isfile(output):
        return
    ends = (k for k, word in enumerate(words) if word.endswith(output) and _writes(words, k))
    own = next(ends, None)
    for word in (word for k, word in enumerate(words) if k != own):
        for name in (word, re.split("[=:]", word, maxsplit=1)[-1]):
            if os.path.isfile(name) and os.path.samefile(name, output):
                raise click.UsageError(f"{output}: it is read here; expected another file to write")


def _writes(words: Sequence[str], k: int) -> bool:
    """Tell whether a word says what to write: the one after -o, or the two in one."""
    return words[k].startswith("-o") or words[k].startswith("--o") or words[k - 1] in OUTPUT


COMPLETING = "_COMMPLAN_COMPLETE"


class Group(WithExamples, click.Group):
    """Commands in the order in which they were added; an unknown one is told the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Keep the order of the work."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command does to the end of its first sentence; click would cut it off."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, c.get_short_help_str(200)) for name, c in found if c])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command."""
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            raise click.UsageError(unknown("command", args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


class Commands(Group):
    """The commands of the program, with the project's exit codes."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,  # noqa: ANN401
    ) -> NoReturn:
        """Run a command; say in one line for each mistake what went wrong, and exit."""
        words = list(sys.argv[1:] if args is None else args)
        if COMPLETING in os.environ:  # a shell asks what a word may become
            sys.exit(super().main(words, prog_name, COMPLETING, False, **extra))
        run = partial(super().main, words, prog_name, complete_var, False, **extra)
        sys.exit(run_reporting(lambda: _print_at_end(run), "--debug" in words))

    def invoke(self, ctx: click.Context) -> None:
        """Run a command; click would print an empty line where it meets an interruption."""
        try:
            with keep_pipes():  # what a command reads twice may come from another command
                super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.Abort from None


def _print_at_end(run: Callable[[], int | None]) -> int:
    """Print everything at the end, in the one place that looks after a full disk."""
    with redirect_stdout(StringIO()) as out:
        try:
            code = run()
        except SystemExit as ended:  # click's completion of words for a shell
            code = int(ended.code or 0)
    hand_over(out.getvalue())
    return code or 0


def table(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    """Lay named figures out below a title."""
    width = max(len(name) for name, _ in rows)
    return [title, *(f"  {name:{width}}  {text}" for name, text in rows)]
