"""Compile the Cython kernels; everything else stands in pyproject.toml.

Environment variables, for people who test Plumbob itself:

PLUMBOB_CHECKED=1   build the kernels with every internal bounds check on
PLUMBOB_SANITIZE=1  build them with AddressSanitizer as well
"""

from __future__ import annotations

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

CHECKED = os.environ.get("PLUMBOB_CHECKED") == "1"
SANITIZE = os.environ.get("PLUMBOB_SANITIZE") == "1"


def extensions() -> list[Extension]:
    """One extension for each .pyx file under src/."""
    compile_args = ["-O3"]
    link_args = []
    if SANITIZE:
        compile_args = ["-O1", "-g", "-fsanitize=address", "-fno-omit-frame-pointer"]
        link_args = ["-fsanitize=address"]
    return [
        Extension(
            ".".join(path.with_suffix("").parts[1:]),
            [str(path)],
            extra_compile_args=compile_args,
            extra_link_args=link_args,
            define_macros=[("PLUMBOB_CHECKED", "1" if CHECKED or SANITIZE else "0")],
        )
        for path in sorted(Path("src").rglob("*.pyx"))
    ]


setup(
    ext_modules=cythonize(
        extensions(),
        compiler_directives={
            "language_level": "3",
            "boundscheck": CHECKED or SANITIZE,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "embedsignature": False,
        },
    )
)
