"""What a recogniser cannot go on with."""

from __future__ import annotations


class Unusable(RuntimeError):
    """A model, its layout, a source or an answer: what, where, and how to mend it."""


MISSING = "the recogniser needs onnxruntime and opencv-python-headless: pip install 'tianmu[video]'"
