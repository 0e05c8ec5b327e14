"""The executors: interp (generated Python, and a tree walk) and llvm (native code)."""
