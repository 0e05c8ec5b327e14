"""Reduction: the smallest program that still shows a disagreement.

Works on structure, not on bytes: functions, statements, expressions, locals, parameters,
types. `reducer.py` has the laws, `passes.py` the order; `interesting.py` says what must stay.
"""
