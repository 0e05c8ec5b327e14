"""Valid, terminating, deterministic modules from a recorded sequence of choices.

`generate.generate` is the way in. Imports nothing of Plumbob but `wasm`, so that no fault of
an executor can hide in what tests it.
"""
