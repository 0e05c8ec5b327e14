"""What each numeric, bit and vector operation means, once, over a Domain protocol.

May import errors and source alone.
"""
