"""A training corpus of open recordings, mixed to scenes in the layout of TAU.

``table`` reads which recordings of which Debian packages are wanted, ``packages`` downloads them
and takes the sounds out, ``selection`` decodes and picks, ``scenes`` draws and renders the scenes,
``layout`` writes the data set.
"""
