"""From sensor archives to sound classes: read levels, put them in time, classify, write, draw.

The way of an archive: `inputs` (which files) -> `open_archive` (blocks of frames) -> `levels`
(missing bands, offset) -> `timeline` (units of whole seconds) -> `inference` (class
probabilities) -> `selection` (all, the best, or groups) -> `parts` (kept after a kill) ->
`writers` (the result) -> `presence` (what was heard when).
"""
