"""Style sheets of pictures that stand alone, for light and for dark paper."""

from collections.abc import Mapping
from string import Template


def for_both_papers(rules: str, light: Mapping[str, str], dark: Mapping[str, str]) -> str:
    """Write rules with the colours of light paper, and again with those for dark paper.

    Colours are written out, since not every viewer of SVG knows the variables of CSS; one that
    knows no media query shows light paper.

    Args:
        rules: with `$ink` for the colour of that name.
        light: the colours by name.
        dark: the same names.
    """
    plain, other = (Template(rules).substitute(colours) for colours in (light, dark))
    return f"{plain}@media (prefers-color-scheme: dark) {{{other}}}\n"
