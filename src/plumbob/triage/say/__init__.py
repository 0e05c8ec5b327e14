"""What a check found, in words: sentences, names of steps, and why the reference is right.

May import `triage.check`, and never the other way round.
"""
