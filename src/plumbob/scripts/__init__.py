"""Runners of script files: .wast and .clif. May import every package but cli, triage and hunt."""
