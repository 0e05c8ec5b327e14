"""Other people's engines and optimisers: found in registries, kept in a cache, run apart.

`open_engine` and `open_optimiser` in `opening.py` are the door. Imports `wasm/` and the
trap codes of `runtime/`; the command line and triage import it.
"""
