"""Kernels that Numba has compiled and keeps: which of them are no longer those of the source."""

from __future__ import annotations

from pathlib import Path


def forget_stale(folder: Path, sources: tuple[str, ...]) -> int:
    """Drop compiled kernels of ``folder`` that are older than any of ``sources``; how many.

    Numba keeps a compiled function for as long as its own file is unchanged, whatever became of
    the functions and constants it took in from other files: a release that changes one of those
    would go on running the code of the one before.
    """
    newest = max((folder / name).stat().st_mtime_ns for name in sources)
    dropped = 0
    for name in sources:
        for index in (folder / "__pycache__").glob(f"{Path(name).stem}.*.nbi"):
            try:
                if index.stat().st_mtime_ns < newest:
                    index.unlink()
                    dropped += 1
            except OSError:  # another process did so, or may not: then its own files are new too
                continue
    return dropped
