"""Make the data set OPEN: open_corpus/create_open_dataset.py under its earlier name."""

import sys

from open_corpus.create_open_dataset import main

if __name__ == "__main__":
    sys.exit(main())
