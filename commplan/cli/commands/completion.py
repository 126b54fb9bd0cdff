"""`commplan completion`: what a shell needs to complete commands and options."""

import click
from click.shell_completion import get_completion_class

from commplan.cli.io.answer import COMPLETING, Answer, Command
from commplan.cli.io.quantities import Name

SHELLS = ("bash", "zsh", "fish")
# Where each shell reads it, as a person would type it.
HINTS = {
    "bash": 'eval "$(commplan completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(commplan completion zsh)" in ~/.zshrc',
    "fish": "commplan completion fish > ~/.config/fish/completions/commplan.fish",
}


@click.command(cls=Command)
@click.argument("shell", type=Name("shell", SHELLS))
def completion(shell: str) -> Answer:
    """Print the completion of a shell: bash, zsh or fish.

    For bash, `eval "$(commplan completion bash)"` in ~/.bashrc.
    """
    found = get_completion_class(shell)
    assert found is not None
    root = click.get_current_context().find_root()
    script = found(root.command, {}, "commplan", COMPLETING).source()
    return Answer({"script": script, "use": HINTS[shell]}, script.splitlines())
