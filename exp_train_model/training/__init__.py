"""Training: what is learned from what, and how it goes on after a stop."""
