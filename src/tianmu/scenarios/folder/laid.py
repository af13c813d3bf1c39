"""Networks that scenarios lay (``along.py`` in their folders), for alarms to be judged along them.

``along.py`` hands over ``lay(folder, longitude, latitude) -> (start, end, metres, nodes)``: of each
edge the numbers of its two nodes and its length, and of each node longitude and latitude, shape
(nodes, 2). ``folder`` is where the city's own files of the scenario stand, the place its middle.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from tianmu.city.city import City
from tianmu.city.place.network import Along
from tianmu.prevent.cause.network import Network
from tianmu.prevent.cause.ways import Laid
from tianmu.scenarios.folder.fit import matter_keys
from tianmu.scenarios.folder.load import Folder, folders, part

log = logging.getLogger("tianmu.scenarios")


def lines(city: City, data: Path) -> list[Laid]:
    """The networks of this city's scenarios, of those whose matters it has. One that cannot be
    laid is told in the log and does not stop the others."""
    found = []
    for one in folders(city.folder)[0].values():
        asked = one.manifest.along
        if asked is None:
            continue
        matters = tuple(key for code in asked.matters for key in matter_keys(city, one.id, code))
        if not matters:
            continue
        along = Along(
            code=one.id, name=asked.name, ways="streets", matters=matters,
            speed_m_s=(asked.speed_m_s,), faster=asked.faster, slower=asked.slower,
            slack_min=asked.slack_min, hours=asked.hours, within_m=asked.within_m,
        )  # fmt: skip
        try:
            found.append(_laid(one, along, data / "scenarios" / one.id, city))
        except Exception:  # whatever an outsider's code raises
            log.exception("the network of scenario %s cannot be laid", one.id)
    return found


def _laid(one: Folder, along: Along, folder: Path, city: City) -> Laid:
    start, end, metres, nodes = part(one, "along").lay(folder, *city.center)
    length = np.asarray(metres, np.float64)
    network = Network(
        np.asarray(start, np.int64), np.asarray(end, np.int64), length,
        length / along.speed_m_s[0], both=True,
    )  # fmt: skip
    return Laid(along, network, np.asarray(nodes, np.float64).reshape(-1, 2))
