"""Third-octave levels to Mel spectrograms: signals, networks and inference.

Importing this package is cheap on purpose: scripts answer ``--help`` without loading torch.
Import what you need from its modules, e.g. ``from transcoder.transcode import Transcoder``.
"""

__version__ = "0.1.0"
