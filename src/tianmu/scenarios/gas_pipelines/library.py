"""The same steady state by pandapipes itself: for who wants to check, and for the tests.

An extra (``pip install tianmu[gas]``): it brings pandas, pandapower and matplotlib, and holds
SciPy and pandas back. Nothing imports it unless it is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tianmu.scenarios.gas_pipelines.hydraulics import State
from tianmu.scenarios.gas_pipelines.network import F64, Network


class NoLibrary(RuntimeError):
    """pandapipes is not installed."""


def solve(file: Path, network: Network, demand: F64, feed_bar: F64) -> State:
    """As ``hydraulics.solve``, moment by moment. Raises ``NoLibrary``, and ``NoSolution`` where
    the library finds none."""
    from tianmu.scenarios.gas_pipelines.hydraulics import NoSolution

    pp = _library()
    net = pp.from_json(str(file))
    net.sink.drop(net.sink.index, inplace=True)
    pp.create_sinks(net, network.junction, np.zeros(network.junctions))
    pressure = np.empty((network.junctions, demand.shape[1]))
    flow = np.empty((len(network.pipe), demand.shape[1]))
    for moment in range(demand.shape[1]):
        net.sink["mdot_kg_per_s"] = demand[:, moment]
        net.ext_grid["p_bar"] = feed_bar[:, moment]
        try:
            pp.pipeflow(net, use_numba=False, tol_p=1e-8, tol_m=1e-10, max_iter_hyd=100)
        except pp.PipeflowNotConverged as error:
            raise NoSolution(f"pandapipes: {error}") from error
        pressure[:, moment] = net.res_junction.loc[network.junction, "p_bar"]
        flow[:, moment] = net.res_pipe.loc[network.pipe, "mdot_from_kg_per_s"]
    return State(pressure, flow)


def _library() -> Any:
    try:
        import pandapipes
    except ImportError as error:
        raise NoLibrary(
            "pandapipes is not installed: pip install 'tianmu[gas]', or leave solver=own"
        ) from error
    return pandapipes
