"""Finding what nobody has reported: generated programs, campaigns, the store of findings.

May import `triage` and what lies below it; nothing below imports it.
"""
