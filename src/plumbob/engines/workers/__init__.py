"""Harnesses that run inside an engine's process: Python hosts and JavaScript files.

They speak the frames of `framing.py` on two descriptors that they are told, so that what a
guest or an engine prints disturbs nothing. They are run by path and import nothing of
Plumbob, only each other: an engine's process must find its own release and nothing else.
"""
