"""Transcoders judged on recordings: what a classifier hears through them, and how surely."""
