"""Pictures of matplotlib as SVG elements that fit into a page."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}"


def inline_svg(
    figure: Figure, description: str, colours: Mapping[str, str], variant: str = ""
) -> str:
    """Return a figure as an SVG element to put into a page.

    It scales with what it stands in, takes fonts and colours from the page, and its
    identifiers are its own.

    Parameters
    ----------
    figure : Figure
        The picture.
    description : str
        For those who cannot see it.
    colours : mapping
        What takes the place of its colours, ``#rrggbb``, in CSS.
    variant : str
        Tells apart pictures of the same description.
    """
    from matplotlib import rc_context

    file = io.StringIO()
    nothing: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": description}):
        figure.savefig(file, format="svg", metadata=nothing)
    root = ET.fromstring(file.getvalue())
    for size in ("width", "height"):
        del root.attrib[size]
    root.attrib.update({"role": "img", "aria-label": description})
    _leave_out(root)
    prefix = re.sub(r"\W", "", description.lower()) + variant + "-"
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        element.attrib = {
            name.replace(_XLINK, "xlink:"): _attribute(name, value, prefix, colours)
            for name, value in element.attrib.items()
        }
        for attribute in ("text", "tail"):
            if not (getattr(element, attribute) or "").strip():
                setattr(element, attribute, None)
    return ET.tostring(root, encoding="unicode")


def _leave_out(root: ET.Element) -> None:
    """Remove metadata and style sheets, and what is empty without them."""
    for parent in list(root.iter()):
        for child in list(parent):
            only_style = len(child) > 0 and all(e.tag == f"{_SVG}style" for e in child)
            if child.tag == f"{_SVG}metadata" or only_style:
                parent.remove(child)


def _attribute(name: str, value: str, prefix: str, colours: Mapping[str, str]) -> str:
    """Return an attribute with the identifiers, the fonts and the colours of the page."""
    if name == "id":
        return prefix + value
    if name == f"{_XLINK}href":
        return f"#{prefix}{value[1:]}" if value.startswith("#") else value
    if value.startswith("url(#"):
        return f"url(#{prefix}{value[5:]}"
    if name == "style":
        declarations = [d.strip() for d in value.split(";")]
        value = "; ".join(d for d in declarations if not d.startswith("font-family"))
    for colour, replacement in colours.items():
        value = value.replace(colour, replacement)
    return value
