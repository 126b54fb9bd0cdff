"""XML of others, read without what makes it dangerous: entities, endless nesting, fetched files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from topologies.model.messages import short, show_value

DEPTH_LIMIT, ELEMENT_LIMIT, ATTRIBUTE_LIMIT = 100, 500_000, 200


@dataclass(slots=True)
class Element:
    """An element with its line in the file; texts of its own are joined."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list["Element"] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def all(self, tag: str) -> Iterator["Element"]:
        """List the children of a tag."""
        return (child for child in self.children if child.tag == tag)

    def get(self, key: str, default: str = "") -> str:
        """Look up an attribute."""
        return self.attributes.get(key, default)

    def need(self, key: str) -> str:
        """Look up an attribute that must be there.

        Raises:
            ValueError: it is not.
        """
        if key not in self.attributes:
            raise self.fault(f"<{short(self.tag)}> without {key!r}")
        return self.attributes[key]

    def whole(self, key: str, default: int | None = None, most: int = 10**12) -> int:
        """Read an attribute that is a whole number of 0 or more.

        Raises:
            ValueError: it is none, or is missing or empty without a default.
        """
        if default is not None and not self.get(key):
            return default
        text = self.need(key).strip()
        if not (text.isascii() and text.isdigit()) or len(text) > 13 or int(text) > most:
            expected = f"a whole number up to {most}"
            raise self.fault(f"{key} is {show_value(text)}, expected {expected}")
        return int(text)

    def fault(self, what: str) -> ValueError:
        """Make the error of something in this element."""
        return ValueError(f"line {self.line}: {what}")


class _Tree:
    """Builds the elements while expat reads."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self.parser, self.count = parser, 0
        self.open: list[Element] = []
        self.root: Element | None = None
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._refuse
        parser.SkippedEntityHandler = self._refuse

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.count += 1
        line = self.parser.CurrentLineNumber
        if len(self.open) >= DEPTH_LIMIT:
            raise ValueError(f"line {line}: nested more than {DEPTH_LIMIT} deep")
        if self.count > ELEMENT_LIMIT or len(attributes) > ATTRIBUTE_LIMIT:
            raise ValueError(f"line {line}: too many elements or attributes to be read")
        element = Element(tag, attributes, line)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def _end(self, tag: str) -> None:
        self.open.pop()

    def _text(self, text: str) -> None:
        if not text.isspace():
            self.open[-1].texts.append(text)

    def _refuse(self, *_: object) -> None:
        raise ValueError(f"line {self.parser.CurrentLineNumber}: an entity, expected none")


def parse(text: str, root: str) -> Element:
    """Read XML whose outermost element has a name.

    Raises:
        ValueError: it is no XML, or has another outermost element, entities or far too much of
            anything; with the line.
    Complexity: linear in the text.
    """
    parser = expat.ParserCreate("utf-8")
    tree = _Tree(parser)
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        what = expat.errors.messages[error.code]
        raise ValueError(f"line {error.lineno}, column {error.offset + 1}: {what}") from None
    if tree.root is None or tree.root.tag != root:
        found = short(tree.root.tag) if tree.root else "nothing"
        raise ValueError(f"line {tree.root.line if tree.root else 1}: <{found}>, expected <{root}>")
    return tree.root


def begins_with(text: str, root: str) -> bool:
    """Tell whether the first element of a text that may be XML has a name."""
    head = text[:20_000].lstrip("\ufeff \t\r\n")
    while head.startswith(("<?", "<!")):
        end = "-->" if head.startswith("<!--") else ">"
        head = head.partition(end)[2].lstrip()
    return head.startswith(f"<{root}") and not head[len(root) + 1 : len(root) + 2].isalnum()
