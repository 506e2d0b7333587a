"""Distil the small YAMNet: open_corpus/distill_yamnet_small.py under its earlier name."""

import sys

from open_corpus.distill_yamnet_small import main

if __name__ == "__main__":
    sys.exit(main())
