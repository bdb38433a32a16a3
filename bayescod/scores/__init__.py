"""Scores: what was measured, read from tables and checked."""
