"""`commplan import`: a machine from files that lie on it already."""

from os.path import exists

import click

from commplan.cli.commands.machines import count
from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command, Once
from commplan.cli.io.arguments import output
from topologies.formats import files
from topologies.importers.importing import Imported, import_files
from topologies.importers.registry import AUTO, IMPORTERS
from topologies.model.units import count_of


@click.command("import", cls=Command)
@click.argument("words", metavar="[FORMAT|auto] FILE...", nargs=-1, required=True)
@output(files.endings)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    help="Hardware whose figures fill in what the files leave out, as h100 or ndr; may be given "
    "more than once.",
)
@click.option(
    "--hosts",
    cls=Once,
    type=quantities.Whole(1, 10**5),
    help="How many hosts there are like the one whose file is given.",
)
def import_machine(
    words: tuple[str, ...], output: str, profiles: tuple[str, ...], hosts: int | None
) -> Answer:
    """Make a topology file of files that describe hosts and their network.

    FORMAT says what they are in; without it, or with `auto`, their text tells.
    """
    form, paths = _split(words)
    made = import_files(paths, form, profiles, hosts)
    files.save(made.topology, output)
    return Answer(_fields(made), _lines(made, output))


def _split(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Tell the format, where there is one, from the files."""
    if len(words) > 1 and (words[0] == AUTO or words[0] in IMPORTERS):
        return words[0], words[1:]
    if len(words) > 1 and not exists(words[0]):
        IMPORTERS.get(words[0])
    return AUTO, words


def _fields(made: Imported) -> dict[str, object]:
    return {
        "name": made.topology.name,
        **count(made.topology),
        "format": ", ".join(made.formats),
        "summary": dict(made.summary),
        "notes": list(made.notes),
        "assumed": list(made.assumed),
        "odd": list(made.odd),
    }


def _lines(made: Imported, output: str) -> list[str]:
    nouns = ("rank", "switch", "link")
    figures = ", ".join(map(count_of, count(made.topology).values(), nouns))
    told = (("note", made.notes), ("assumed", made.assumed), ("odd", made.odd))
    rows = [*made.summary, *((word, text) for word, texts in told for text in texts)]
    width = max(len(word) for word, _ in rows)
    return [
        f"{made.topology.name}: {figures}, written to {output}",
        *(f"  {word:{width}}  {text}" for word, text in rows),
    ]
