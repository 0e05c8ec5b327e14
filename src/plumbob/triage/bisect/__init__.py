"""Since when a program goes wrong: releases, options, passes and functions of one engine.

May import engines and the rest of triage. Good and bad are a judge's word (`judge.py`);
`search.py` and `ranges.py` know releases by their places in a list alone.
"""
