"""What a running guest stands on: memories, tables, the GC heap, instances, traps, linking.

May import everything below in the layout; reaches an executor only through a protocol of its own.
"""
