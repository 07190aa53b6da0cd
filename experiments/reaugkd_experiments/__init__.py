"""Measures the quality of `reaugkd`: runs the plans, then makes the tables and the pictures."""
