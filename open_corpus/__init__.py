"""A training corpus of open recordings, mixed to scenes in the layout of TAU.

``table`` reads which recordings of which Debian packages are wanted, ``fetch`` downloads the
packages, ``unpack`` takes the sounds out of them, ``selection`` decodes and picks, ``planning``
draws the scenes, ``mixing`` renders them, ``layout`` writes the data set.
"""
