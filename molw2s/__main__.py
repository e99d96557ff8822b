"""``python -m molw2s``."""

from molw2s.cli import main

main()
