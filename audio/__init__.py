"""Files alone: a made-up scene, and a made-up day of a sensor's levels."""
