"""Runners of test files: .wast and .clif. May import what lies below it, `api` included."""
