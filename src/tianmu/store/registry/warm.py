"""Compile (or load) the lookup kernels before the first message needs them."""

from __future__ import annotations

import tempfile
from pathlib import Path


def warm() -> None:
    """Look up a small segment as gate looks up a large one: the kernels then stand ready.

    Compiling takes seconds on a machine that has never done it, and milliseconds afterwards.
    """
    import pyarrow as pa

    from tianmu.store.registry.registry import Registry
    from tianmu.store.registry.segment import write_segment

    names = [f"warm-{number}" for number in range(64)]
    with tempfile.TemporaryDirectory(prefix="tianmu-warm-") as folder:
        data = Path(folder)
        table = pa.table(
            {
                "device": names,
                "kind": ["warm"] * len(names),
                "address": [f"wire/{name}" for name in names],
                "properties": pa.array([["value"]] * len(names), pa.list_(pa.string())),
            }
        )
        registry = Registry(data)
        registry.apply(registry.registration_of(write_segment(data, table), at=0, actor="warm"))
        streams = [f"{name}/value" for name in names]
        registry.datastream_index(streams)
        registry.datastream_index(pa.array(streams))
        registry.resolve(names, ["value"] * len(names))
