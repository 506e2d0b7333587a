"""Judge transcoders on recordings: judging/compare_transcoders.py under its earlier name."""

import sys

from judging.compare_transcoders import main

if __name__ == "__main__":
    sys.exit(main())
