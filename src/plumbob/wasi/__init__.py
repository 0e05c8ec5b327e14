"""WASI preview 1: the system interface of a guest, confined to what it was given.

`host.Wasi(config.Config(...)).functions()` gives the imports; `table` declares them once, the
rooms (`arguments`, `clocks`, `directories`, `entries`, `files`, `opening`, `poll`, `process`,
`randomness`, `sockets`) do the work, and `paths` is the only way from a guest's path to a file.
"""
