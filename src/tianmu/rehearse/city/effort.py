"""What a city costs: CPU seconds of each of its processes, by its own ``/metrics``."""

from __future__ import annotations

import re

from tianmu.rehearse.city.city import City

_CPU = re.compile(r'^tianmu_process_cpu_seconds_total\{process="([^"]+)"\} (\S+)$', re.MULTILINE)


def cpu_seconds(city: City) -> dict[str, float]:
    """Process → user and system time so far (s): ``up`` is the supervisor, ``broker`` MQTT's."""
    return {name: float(value) for name, value in _CPU.findall(city.http.get("/metrics").text)}


def cores(
    before: dict[str, float], after: dict[str, float], seconds: float
) -> tuple[float, dict[str, float]]:
    """Cores in use between two looks that are ``seconds`` apart: in all, and by process. Raises
    ``ValueError`` where a process is new or has started again: its time would be missing."""
    if before.keys() != after.keys() or any(after[name] < before[name] for name in before):
        raise ValueError(
            f"processes came or went while they were measured: {sorted(before)}, then "
            f"{sorted(after)}; see the city's logs"
        )
    each = {name: round((after[name] - before[name]) / seconds, 4) for name in before}
    return round(sum(each.values()), 4), each
