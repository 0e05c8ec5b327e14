"""Run the corpus with one column of one row of the operator table changed.

A script: `python -m tests.wasm.support.planted NAME COLUMN VALUE`. The kernel builds its
table when it is imported, so the change has to be made before that, in a process of its
own. Prints `caught` and what the corpus says, or `survived`; `refused` where the kernel
does not take the table at all.
"""

from __future__ import annotations

import ast
import sys
from typing import Any


def patch(name: str, column: str, value: Any) -> None:
    """Change the table, and what `opcodes.py` derives from it."""
    from plumbob.wasm import opcodes  # noqa: PLC0415  # nothing else may be imported before

    for place, operator in enumerate(opcodes.TABLE):
        if operator.name == name:
            changed = operator._replace(**{column: value})
            opcodes.TABLE[place] = changed
            opcodes.BY_CODE[operator.code] = changed
            opcodes.BY_NAME[operator.name] = changed
            return
    raise SystemExit(f"no operator is called {name}")


def main(name: str, column: str, value: str) -> None:
    """Plant one fault and run what depends on it."""
    patch(name, column, ast.literal_eval(value))
    from plumbob.errors import InternalError  # noqa: PLC0415  # after the patch

    try:
        from tests.wasm.support.judge import complaints_about  # noqa: PLC0415  # after the patch
    except InternalError as error:
        print("refused", error)  # noqa: T201  # a script
        return
    try:
        found = complaints_about(name)
    except AssertionError as error:  # the environment itself is not valid any more
        found = [str(error)]
    print("caught" if found else "survived", *found[:3], sep="\n")  # noqa: T201  # the same


if __name__ == "__main__":
    main(*sys.argv[1:])
