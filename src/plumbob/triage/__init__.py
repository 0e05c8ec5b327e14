"""Who is wrong, and since when: one program on several engines, compared step by step.

May import engines and what lies below it. `check/reference.py` gives the values that are right.
"""
