"""Running metrics for Prometheus (text exposition format 0.0.4).

``/metrics`` is open to programs on the machine itself (loopback, not through a proxy) and to
accounts with ``metrics.read``: a token of an ``integrator`` from elsewhere. Nothing personal is in
it. The platform is a device of its own city, so what matters of this alarms by rules as well.
"""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Container, Iterator
from typing import Any

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from tianmu.access import audit
from tianmu.sense import state as gate_state
from tianmu.web.answer.problem import Problem
from tianmu.web.hub import Hub
from tianmu.web.route.route import PUBLIC, Asking, Routes
from tianmu.web.vitals import vitals

routes = Routes("metrics")
MEDIA = "text/plain; version=0.0.4; charset=utf-8"
PROXIES = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""headers that a proxy on this machine adds to what it passes on"""


class CityCollector(Collector):
    """The figures of one hub, counted when asked for."""

    def __init__(self, hub: Hub, push: Any) -> None:
        self._hub, self._push = hub, push

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._city()
        yield from self._doors()
        yield from self._readers()
        yield from self._processes()

    def _city(self) -> Iterator[Metric]:
        hub = self._hub
        signs = vitals.whole(hub)
        devices = GaugeMetricFamily("tianmu_devices", "Registered devices", labels=["state"])
        for state in ("online", "silent", "never"):
            devices.add_metric([state], getattr(signs["devices"], state))
        yield devices
        live = hub.live()
        if live is not None:
            yield CounterMetricFamily(
                "tianmu_observations",
                "Observations that have been through the rules",
                value=int(live.count.sum(dtype="int64")),
            )
        found = signs["alarms"]
        if found is not None:
            alarms = GaugeMetricFamily("tianmu_alarms", "Open alarms", labels=["state"])
            for state, number in found.by_state.items():
                alarms.add_metric([state], number)
            yield alarms
        cases = GaugeMetricFamily("tianmu_cases_open", "Open cases", labels=["stage"])
        for stage, number in signs["cases"].by_stage.items():
            cases.add_metric([stage], number)
        yield cases
        yield GaugeMetricFamily(
            "tianmu_cases_overdue", "Open cases over a limit", value=signs["cases"].overdue
        )
        yield CounterMetricFamily(
            "tianmu_audit_records", "Records of the audit trail", value=audit.head(hub.records)[0]
        )

    def _doors(self) -> Iterator[Metric]:
        hub = self._hub
        taken = CounterMetricFamily(
            "tianmu_source_observations", "Observations acknowledged by source", labels=["source"]
        )
        heard = GaugeMetricFamily(
            "tianmu_source_last_seen_seconds", "Seconds since a source spoke", labels=["source"]
        )
        now = hub.clock()
        refused = CounterMetricFamily(
            "tianmu_source_refused", "Messages of a source answered with 429", labels=["source"]
        )
        delayed = CounterMetricFamily(
            "tianmu_source_delayed", "Messages of a source that waited for room", labels=["source"]
        )
        slowed = GaugeMetricFamily(
            "tianmu_source_slowed", "1 while a source is slowed down", labels=["source"]
        )
        for source, seen in hub.ask("gate", gate_state.sources, {}).items():
            taken.add_metric([source], seen.observations)
            heard.add_metric([source], max(0.0, (now - seen.last_at) / 1e6))
            refused.add_metric([source], seen.refused)
            delayed.add_metric([source], seen.delayed)
            slowed.add_metric([source], bool(seen.slowed_since))
        yield from (taken, heard, refused, delayed, slowed)
        counters = GaugeMetricFamily(
            "tianmu_connector", "Counters of gate's doors", labels=["connector", "counter"]
        )
        for row in hub.ask("gate", gate_state.connectors, []):
            for name, value in row["state"].items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    counters.add_metric([row["connector"], name], value)
        yield counters
        limits = hub.memory.get("limits")
        yield CounterMetricFamily(
            "tianmu_http_limited",
            "Requests answered with 429",
            value=limits.refused if limits is not None else 0,
        )

    def _readers(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily(
            "tianmu_lag_entries", "Entries a reader has still to read", labels=["reader"]
        )
        for reader, entries in vitals.lag(self._hub).items():
            lag.add_metric([reader], entries)
        yield lag
        push = self._push
        if push is not None:
            yield GaugeMetricFamily(
                "tianmu_push_subscribers", "Open live streams", value=push.subscribers
            )
            yield CounterMetricFamily("tianmu_push_events", "Events made", value=push.sent)
            yield CounterMetricFamily(
                "tianmu_push_cut", "Subscribers cut off because they were too slow", value=push.cut
            )

    def _processes(self) -> Iterator[Metric]:
        memory = GaugeMetricFamily(
            "tianmu_process_memory_bytes", "Proportional set size", labels=["process"]
        )
        cpu = CounterMetricFamily(
            "tianmu_process_cpu_seconds", "User and system time", labels=["process"]
        )
        for name, process in _processes().items():
            try:
                memory.add_metric([name], process.memory_full_info().pss)
                times = process.cpu_times()
                cpu.add_metric([name], times.user + times.system)
            except psutil.Error:
                continue
        yield memory
        yield cpu
        disk = psutil.disk_usage(str(self._hub.data))
        yield GaugeMetricFamily("tianmu_disk_free_bytes", "Room for data", value=disk.free)
        yield GaugeMetricFamily("tianmu_time_seconds", "Clock of hub", value=time.time())


def _processes() -> dict[str, Any]:
    """The processes of this city: ours, and those started by the same parent, by their name in
    ``tianmu run NAME``; the parent as ``up``, the broker that gate started as ``broker``."""
    me = psutil.Process(os.getpid())
    found = {"hub": me}
    try:
        parent = me.parent()
        if parent is None or "up" not in parent.cmdline():
            return found  # started by hand
        found["up"] = parent
        for one in parent.children():
            line = one.cmdline()
            if "run" in line[:-1] and any("tianmu" in part for part in line):
                found[line[line.index("run") + 1]] = one
        for one in found["gate"].children() if "gate" in found else ():
            found["broker"] = one
    except psutil.Error:
        pass
    return found


def _is_local(address: str, headers: Container[str]) -> bool:
    forwarded = any(name in headers for name in PROXIES)
    try:
        return not forwarded and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@routes("GET", "/metrics", may=PUBLIC, media="text/plain")
def get_metrics(ask: Asking) -> Response:
    """Metrics for Prometheus: from the machine itself, or with a token that has `metrics.read`."""
    headers = ask.request.headers
    local = _is_local(ask.address, headers)
    if not local and "metrics.read" not in ask.who.permissions:
        raise Problem(
            403 if ask.who.account else 401,
            "forbidden",
            "metrics are for programs on this machine, or for a token with metrics.read",
            "scrape from the machine itself, or send Authorization: Bearer with such a token",
        )
    registry = CollectorRegistry(auto_describe=False)
    registry.register(CityCollector(ask.hub, getattr(ask.request.app.state, "push", None)))
    return Response(generate_latest(registry), headers={"Content-Type": MEDIA})
