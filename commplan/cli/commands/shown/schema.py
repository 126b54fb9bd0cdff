"""`commplan schema`: what each kind of file looks like, for editors and other programs."""

import json

import click

from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.quantities import Name
from commplan.schemas import schemas


@click.command(cls=Command)
@click.argument("kind", metavar="KIND", type=Name("kind of file", schemas.KINDS))
def schema(kind: str) -> Answer:
    """Print the JSON Schema of a kind of file that commplan writes.

    KIND is topology, schedule, set, certificate, job, job-plan, contingency, measurements or fit.
    """
    found = schemas.schema(kind)
    return Answer(found, json.dumps(found, indent=1).splitlines())
