"""Keeping the water inside its limits: a generic hybrid automaton and its monitors."""
