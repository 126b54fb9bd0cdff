"""What a person sees who asks: examples that hold, and no line that is too wide."""

import shlex

import click
import pytest

from commplan.cli.examples import EXAMPLES
from commplan.cli.group import PLACES, commands


def find(words):
    """Give the command that words begin with, its name, and the words that are left."""
    found, name, context = commands, [], click.Context(commands, info_name="commplan")
    while isinstance(found, click.Group):
        found, name, words = found.get_command(context, words[0]), [*name, words[0]], words[1:]
    return found, " ".join(name), words


def test_every_command_has_examples():
    fabric = commands.get_command(None, "fabric")
    inner = {f"fabric {name}" for name in fabric.commands}
    assert set(EXAMPLES) == {"", *PLACES, *inner}


@pytest.mark.parametrize("line", sorted({e for lines in EXAMPLES.values() for e in lines}))
def test_an_example_has_the_arguments_and_options_that_there_are(line):
    words = shlex.split(line.replace('eval "$(', "").replace(')"', ""))
    found, _, left = find(words[words.index("commplan") + 1 :])
    context = click.Context(found, info_name="x", resilient_parsing=True)
    parser = found.make_parser(context)
    values, more, _ = parser.parse_args(left)
    assert found.name == "mpirun" or not more
    for each in found.params:
        given = values.get(each.name)
        assert given or not each.required or each.nargs == -1, f"{line}: {each.name} is missing"
        if isinstance(given, str) and isinstance(each.type, click.Choice):
            assert given in each.type.choices


@pytest.mark.parametrize("name", ["", *PLACES])
def test_help_fits_80_columns_and_ends_with_examples(call, name):
    told = call(*name.split(), "--help").stdout
    assert max(map(len, told.splitlines())) <= 80
    assert "\nExamples:\n" in told
    assert "..." not in told.partition("\nCommands:\n")[2]


def test_every_option_says_what_it_does():
    fabric = commands.get_command(None, "fabric")
    each = [*(commands.get_command(None, name) for name in PLACES), *fabric.commands.values()]
    options = [
        (c.name, o.opts, o.help) for c in each for o in c.params if isinstance(o, click.Option)
    ]
    assert len(options) > 100
    assert [(command, names) for command, names, help in options if not help] == []
