"""`python -m plumbob` is the command `plumbob`."""

from __future__ import annotations

from plumbob.cli import main

if __name__ == "__main__":
    main()
