"""Molecules as few short paths, of which a browser makes SVG in the page's own colours."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from molw2s.report.page.parts import Json

WIDTH, HEIGHT = 200, 130
_LARGE = 150  # atoms
_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = {
    "#0000FF": "n", "#FF0000": "o", "#00CC00": "x", "#33CCCC": "x", "#7F4C19": "x", "#A01EEF": "x",
    "#B2B200": "s", "#CCCC00": "s", "#FF7F00": "p",
}  # fmt: skip


def draw(smiles: str) -> Json | None:
    """The drawing: lines, wedges and letters, each with a letter for its colour.

    ``{"l": [[colour, path]], "f": [[colour, path]], "t": [[colour, x, y, size, text]]}`` in a box
    of ``WIDTH`` by ``HEIGHT``; None for what RDKit cannot draw, or is too large to be seen in it.
    """
    from rdkit import Chem, rdBase

    try:
        from rdkit.Chem.Draw import rdMolDraw2D
    except ImportError:  # its system libraries for fonts and X are not everywhere
        return None
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None or molecule.GetNumAtoms() > _LARGE:
            return None
        canvas = rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT, -1, -1, True)
        options: Any = canvas.drawOptions()
        options.clearBackground = False
        options.bondLineWidth = 1
        options.padding = 0.04
        options.maxFontSize = 14
        options.fixedBondLength = 24
        try:
            rdMolDraw2D.PrepareAndDrawMolecule(canvas, molecule)
            canvas.FinishDrawing()
            return _short(ElementTree.fromstring(canvas.GetDrawingText()))
        except (RuntimeError, ValueError, ElementTree.ParseError):
            return None


def _short(svg: ElementTree.Element) -> Json:
    """Paths of one colour as one path, without what all of them share."""
    paths: dict[tuple[str, str], str] = {}
    letters = []
    for element in svg.iter():
        style = dict(
            part.split(":", 1) for part in element.get("style", "").split(";") if ":" in part
        )
        if element.tag == f"{_SVG}path":
            filled = style["fill"] != "none"
            colour = _ELEMENTS.get(style["fill" if filled else "stroke"].upper(), "c")
            key = ("f" if filled else "l", colour)
            path = re.sub(r"\s*([MLQCZ,])\s*", r"\1", element.get("d", ""))
            paths[key] = paths.get(key, "") + path
        elif element.tag == f"{_SVG}text":
            size = int(float(style["font-size"].removesuffix("px")))
            where = (round(float(element.get(end, "0"))) for end in "xy")
            colour = _ELEMENTS.get(style["fill"].upper(), "c")
            letters.append([colour, *where, size, element.text or ""])
    drawn: Json = {"l": [], "f": []}
    for (kind, colour), path in paths.items():
        drawn[kind].append([colour, path])
    return drawn | {"t": letters}
