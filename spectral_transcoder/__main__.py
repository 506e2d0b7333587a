"""``python -m spectral_transcoder``: the command, where it is not on the path."""

import sys

from spectral_transcoder.command import main

if __name__ == "__main__":
    sys.exit(main())
