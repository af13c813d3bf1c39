"""The gas network as alarms are judged along it: see ``scenarios/folder/laid.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tianmu.scenarios.gas_pipelines.held import held
from tianmu.scenarios.gas_pipelines.network import F64, I64


def lay(folder: Path, longitude: float, latitude: float) -> tuple[I64, I64, F64, F64]:
    """Pipes between junctions, in metres."""
    network = held(folder, longitude, latitude).network
    nodes = np.stack((network.longitude, network.latitude), 1)
    return network.start, network.end, network.length, nodes
