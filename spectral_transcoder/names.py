"""What can be chosen, and the error that all functions raise."""

from transcoder.errors import UserError
from transcoder.names import CLASSIFIERS, WAYS

METHODS = tuple(WAYS)
"""Every way from levels to classes; all but ``"direct"`` give Mels."""

__all__ = ["CLASSIFIERS", "METHODS", "UserError"]
