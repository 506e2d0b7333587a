"""Where the golden arrays lie: those of the project, and the larger ones beside it."""

from transcoder.files import PROJECT_ROOT

DATA = PROJECT_ROOT / "tests" / "data"
REFERENCE = PROJECT_ROOT.parent / "shared" / "reference"
"""Made of recordings that belong to others: not everywhere."""
