"""What a recogniser cannot go on with."""

from __future__ import annotations


class Unusable(RuntimeError):
    """A model, its layout, a source or an answer: what, where, and how to mend it."""


class WrongPassword(Unusable):
    """Asking again would only lock the account at the camera."""


class NoStream(Unusable):
    """The camera answers, but has no video at that address."""


MISSING = "the recogniser needs onnxruntime and opencv-python-headless: pip install 'tianmu[video]'"
