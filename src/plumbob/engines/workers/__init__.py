"""Harnesses that run inside an engine's process: Python hosts and JavaScript files.

They speak the frames of `framing.py` on two descriptors that they are told, so that what a
guest or an engine prints disturbs nothing. They import nothing of Plumbob but `framing`.
"""
