"""Verdicts and diagnostics for people and programs: text in colour, JSON, SARIF.

May import wasm and what lies below it; rich is imported in `color.py` alone. Everything
here is a function of the diagnostics and the input: no clock, no environment.
"""
