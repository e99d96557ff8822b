"""Files as people write them: in comes a path, out come cells of text, each with its line.

CSV with any common separator, gzip by content, Excel, Parquet, SDF and SMILES files; what is none
of these is told what it looks like.
"""

from molw2s.files.cells import Cells, read_cells

__all__ = ["Cells", "read_cells"]
