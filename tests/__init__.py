"""Tests: units, physics, properties, references and the architecture."""
