"""DuckDB over Parquet files: only what is built into it, nothing downloaded."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any


class Duck:
    """One in-memory DuckDB; ``cursor`` for each query, from any thread."""

    def __init__(self, folder: Path, *, threads: int = 2, memory: str = "512MB") -> None:
        self._folder, self._threads, self._memory = folder, threads, memory
        self._connection: Any = None
        self._lock = threading.Lock()

    def cursor(self) -> Any:
        with self._lock:
            if self._connection is None:
                import duckdb

                self._connection = duckdb.connect(
                    ":memory:",
                    config={
                        "threads": self._threads,
                        "memory_limit": self._memory,
                        "temp_directory": str(self._folder / "tmp"),
                        "autoinstall_known_extensions": False,
                        "autoload_known_extensions": False,
                    },
                )
                self._connection.execute("SET parquet_metadata_cache = true")
            return self._connection.cursor()

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def quoted(paths: list[Path]) -> str:
    """Paths as a DuckDB list literal."""
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"
