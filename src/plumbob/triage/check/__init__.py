"""One program on several engines, compared step by step: what differs, and who is wrong.

May import everything below `triage`, its shims and stand-ins; words for people stand in `say`.
"""
