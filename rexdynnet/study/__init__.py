"""Scenarios, operation, validation and benchmarks: what is done with a plant."""
