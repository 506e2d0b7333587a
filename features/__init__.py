"""Paired features: levels and Mels of every second of a data set's clips.

``files`` says what the files are called and hold, ``splits`` which clip goes into which split,
``clips`` computes one clip, ``writing`` all of them, ``dataset`` what is done and left of a whole
data set, ``reading`` gives them to a training.
"""
