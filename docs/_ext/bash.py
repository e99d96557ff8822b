"""%%bash for the kernels that execute the pages: what a command prints comes in one piece."""

import subprocess
import sys

from IPython.core.magic import register_cell_magic


@register_cell_magic
def bash(line, cell):
    """Run the cell; raise where it fails, so that the build fails too."""
    done = subprocess.run(["bash", "-ec", cell], capture_output=True, text=True)
    sys.stderr.write(done.stderr)
    sys.stdout.write(done.stdout)
    done.check_returncode()
