"""Build a corpus from open recordings: open_corpus/build_open_corpus.py under its earlier name."""

import sys

from open_corpus.build_open_corpus import main

if __name__ == "__main__":
    sys.exit(main())
