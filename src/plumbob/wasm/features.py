"""Feature switches, named as in wasm-tools.

A set of features is an int of flags. A feature whose prerequisite is off is off.
"""

from __future__ import annotations

from plumbob.errors import UsageError

(
    MUTABLE_GLOBAL,
    SATURATING_FLOAT_TO_INT,
    SIGN_EXTENSION,
    MULTI_VALUE,
    BULK_MEMORY,
    REFERENCE_TYPES,
    SIMD,
    RELAXED_SIMD,
    TAIL_CALL,
    EXTENDED_CONST,
    MULTI_MEMORY,
    MEMORY64,
    FUNCTION_REFERENCES,
    GC,
    EXCEPTIONS,
    THREADS,
    WIDE_ARITHMETIC,
    CUSTOM_PAGE_SIZES,
    LEGACY_EXCEPTIONS,
) = (1 << bit for bit in range(19))

MVP = 0
"""The features of no feature: what WebAssembly 1.0's first release had."""

NAMES = {
    "mutable-global": MUTABLE_GLOBAL,
    "saturating-float-to-int": SATURATING_FLOAT_TO_INT,
    "sign-extension": SIGN_EXTENSION,
    "multi-value": MULTI_VALUE,
    "bulk-memory": BULK_MEMORY,
    "reference-types": REFERENCE_TYPES,
    "simd": SIMD,
    "relaxed-simd": RELAXED_SIMD,
    "tail-call": TAIL_CALL,
    "extended-const": EXTENDED_CONST,
    "multi-memory": MULTI_MEMORY,
    "memory64": MEMORY64,
    "function-references": FUNCTION_REFERENCES,
    "gc": GC,
    "exceptions": EXCEPTIONS,
    "threads": THREADS,
    "wide-arithmetic": WIDE_ARITHMETIC,
    "custom-page-sizes": CUSTOM_PAGE_SIZES,
    "legacy-exceptions": LEGACY_EXCEPTIONS,
}

PREREQUISITES = {
    RELAXED_SIMD: SIMD,
    FUNCTION_REFERENCES: REFERENCE_TYPES,
    GC: FUNCTION_REFERENCES,
    EXCEPTIONS: REFERENCE_TYPES,
}

WASM1 = MVP | MUTABLE_GLOBAL
WASM2 = (
    WASM1
    | SATURATING_FLOAT_TO_INT
    | SIGN_EXTENSION
    | MULTI_VALUE
    | BULK_MEMORY
    | REFERENCE_TYPES
    | SIMD
)
WASM3 = (
    WASM2
    | RELAXED_SIMD
    | TAIL_CALL
    | EXTENDED_CONST
    | MULTI_MEMORY
    | MEMORY64
    | FUNCTION_REFERENCES
    | GC
    | EXCEPTIONS
)
DEFAULT = WASM3 | THREADS
"""What is accepted where nobody says otherwise: as in wasm-tools."""
RUNS = DEFAULT | LEGACY_EXCEPTIONS
"""What runs where nobody says otherwise: engines take the older exceptions, which toolchains
still emit, though the specification keeps them outside."""
ALL = (1 << len(NAMES)) - 1

GROUPS = {"mvp": MVP, "wasm1": WASM1, "wasm2": WASM2, "wasm3": WASM3, "all": ALL}


def close(features: int) -> int:
    """Return the features without those whose prerequisites are missing."""
    while True:
        missing = 0
        for feature, needs in PREREQUISITES.items():
            if features & feature and not features & needs:
                missing |= feature
        if not missing:
            return features
        features &= ~missing


def parse(text: str, base: int = DEFAULT) -> int:
    """Read a list such as `wasm2,threads,-simd` and return the features it selects.

    The words apply from left to right, to `base`; a group (`mvp`, `wasm1`, `wasm2`,
    `wasm3`, `all`) in first place replaces it, as in wasm-tools. Raises `UsageError`
    for a name that is not a feature.
    """
    features = base
    for position, word in enumerate(filter(None, (part.strip() for part in text.split(",")))):
        name = word.removeprefix("-")
        if (group := GROUPS.get(name)) is not None:
            if word.startswith("-"):
                features &= ~group
            else:
                features = group if position == 0 else features | group
        elif (flag := NAMES.get(name)) is not None:
            features = features & ~flag if word.startswith("-") else features | flag
        else:
            raise UsageError(
                "unknown feature",
                expected=f"one of {', '.join([*GROUPS, *NAMES])}",
                found=name,
            )
    return close(features)


def describe(features: int) -> str:
    """Return the names of a set of features, separated by commas."""
    return ",".join(name for name, flag in NAMES.items() if features & flag)
