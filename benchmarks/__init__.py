"""Measurements, each a ratio taken in one run against what a user would otherwise use.  Nothing here is a test."""
