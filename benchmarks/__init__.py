"""Benchmarks of a checkout; `rexdynnet bench NAME` runs the module of that name."""
