"""The reference interpreter: generated Python source, and a tree walk beside it."""
