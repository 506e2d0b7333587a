"""From sensor archives to sound classes: read levels, put them in time, classify, write, draw.

The way of an archive: `inputs` (which files) -> `open_archive` (blocks of frames) -> `levels`
(missing bands, offset) -> `timeline` (units of whole seconds; `clock` and `averaging` bring other
steps to 125 ms) -> `inference` (class probabilities) -> `answers` (level and presence beside them)
-> `selection` (all, the best, or groups) -> `classify` (parts, kept after a kill) -> `writers` (the
result) -> `presence` (what was heard when).

A network of sensors is a fleet here: `fleet` (who they are) -> `fleet_run` (offsets, and each file,
wherever `cluster` has it done) -> `writers` (one table of all results), which `fleet_results` reads
again.

A new sensor's format: its suffix and reader in `open_archive`. A table needs no more than frames
of pandas with numbered columns and their names for `tables.table_archive`, which finds the time,
the bands and the quantity (`headers`, `columns`, `stamps`); what cannot be guessed about a maker's
files is a line in `options`. `live` reads the same from a stream.
"""
