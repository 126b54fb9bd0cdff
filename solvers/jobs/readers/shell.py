"""What a shell script sets its variables to, as far as plain words and plain conditions say it."""

import re
from dataclasses import dataclass, field

# $NAME, ${NAME}, and ${NAME:-default}, which may stand in quotes.
VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?[-=][\"']?(\w*)[\"']?)?\}|([A-Za-z_]\w*))")
# NAME=word at the begin of a line, before or after others.
ASSIGNMENT = re.compile(r"(?:^|[\s;])([A-Za-z_]\w*)=[\"']?(\w+)[\"']?(?=[\s;]|$)")
# if [ A = B ]; then, also with two brackets, == and !=; else and fi.
BRANCH = re.compile(r"(if|elif)\s+\[\[?\s+(.*?)\s+\]\]?\s*(?:;\s*then)?\s*$")
COMPARED = re.compile(r"[\"']?(\w*)[\"']?\s+(==?|!=)\s+[\"']?(\w*)[\"']?")


@dataclass
class _Branches:
    """The branches of the ifs that a line lies in: what is known of each condition.

    Attributes:
        open: for each if, whether this branch is run; None where its condition is not understood.
        done: for each, whether a branch before it was run.
    """

    open: list[bool | None] = field(default_factory=list)
    done: list[bool] = field(default_factory=list)

    @property
    def passed_over(self) -> bool:
        """Tell whether a branch is known not to be run."""
        return False in self.open

    def read(self, line: str) -> None:
        """Take in a line that may begin, change or end a branch."""
        words = line.split()
        first = words[0].rstrip(";") if words else ""
        if first == "if":
            self.open.append(_judge(line))
            self.done.append(self.open[-1] is True)
        elif first in ("elif", "else") and self.open:
            own = True if first == "else" else _judge(line)
            self.open[-1] = False if self.done[-1] else (None if self.open[-1] is None else own)
            self.done[-1] = self.done[-1] or self.open[-1] is True
        elif first == "fi" and self.open:
            self.open.pop()
            self.done.pop()


def run_assignments(text: str) -> str:
    """Put in what a script sets to a plain word, or its default, line by line.

    Lines of branches that plain comparisons rule out are left out; where a condition is not
    understood, all of its branches stay.
    """
    known: dict[str, str] = {}
    lines, branches = [], _Branches()
    for line in text.splitlines():
        own = VARIABLE.sub(
            lambda found: known.get(found[1] or found[3], found[2] or found[0]), line
        )
        branches.read(own)
        if branches.passed_over:
            continue
        for name, word in ASSIGNMENT.findall(own):
            known[name] = word
        lines.append(own)
    return "\n".join(lines)


def _judge(line: str) -> bool | None:
    """Compare two words; None where a condition is another one, or has a variable left."""
    found = BRANCH.match(line.strip())
    compared = COMPARED.fullmatch(found[2]) if found else None
    if compared is None:
        return None
    return (compared[1] == compared[3]) != (compared[2] == "!=")
