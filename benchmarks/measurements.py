"""What is measured: each a command that anyone can run, its figures, and what each should reach."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CITY = 1_560_000
"""devices"""
RATE = 26_000
"""observations a second of the mixed load"""


@dataclass(frozen=True)
class Figure:
    """A number of an answer. ``key`` is the way to it (``phases.burst.p99_ms``; in a list of named
    things the name, or ``*`` for each of them; of a list of numbers the median)."""

    key: str
    what: str
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def aim(self) -> str:
        if self.at_least is not None:
            return f"≥ {number(self.at_least)}"
        return f"≤ {number(self.at_most)}" if self.at_most is not None else ""

    def reached(self, value: float) -> bool | None:
        """None where nothing is aimed at."""
        if self.at_least is not None:
            return value >= self.at_least
        return value <= self.at_most if self.at_most is not None else None


@dataclass(frozen=True)
class Measurement:
    """``command``: a module or script with its arguments. Where there are ``peers``, its first run
    goes on with them."""

    name: str
    command: tuple[str, ...]
    figures: tuple[Figure, ...]
    runs: int = 3
    """at most; long ones run less often"""
    peers: bool = False
    listed: str = ""
    """way to what of the first answer is shown row by row: a list of things alike"""


def number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"


def found(answer: Any, key: str) -> Iterator[tuple[str, float]]:
    """(names that ``*`` stood for, value) of what is under ``key``; nothing where it is not."""

    def walk(value: Any, parts: list[str], names: list[str]) -> Iterator[tuple[str, float]]:
        if not parts:
            if isinstance(value, list) and value:
                value = statistics.median(value)
            if isinstance(value, int | float):
                yield " ".join(names), float(value)
            return
        head, rest = parts[0], parts[1:]
        if isinstance(value, list):
            value = {one["name"]: one for one in value if isinstance(one, dict) and "name" in one}
        if not isinstance(value, dict):
            return
        for name in value if head == "*" else [head]:
            if name in value:
                yield from walk(value[name], rest, [*names, name] if head == "*" else names)

    return walk(answer, key.split("."), [])


def _ingest(at_least: float, form: str) -> tuple[Figure, ...]:
    # over MQTT the broker acknowledges: there the aim is of what has been through the rules
    acknowledged = "by the broker" if form == "mqtt" else "on disk"
    aimed = {"mqtt": (None, at_least)}.get(form, (at_least, None))
    return (
        Figure("observations_per_second", f"acknowledged {acknowledged}", "obs/s",
               at_least=aimed[0]),
        Figure("lost", "lost", at_most=0),
        Figure("judged_per_second", "through the rules, until the last", "obs/s",
               at_least=aimed[1]),
        Figure("observations_per_cpu_second", "per CPU second of all processes", "obs/s"),
        Figure("p50_ms", "send to acknowledge, p50", "ms"),
        Figure("p99_ms", "send to acknowledge, p99", "ms"),
        Figure("bytes_per_row", "in Parquet, values of chance", "bytes/row"),
        Figure("series_ms", "one series of the last hour over HTTP, p50", "ms"),
        Figure("towns_ms", "exceedances by town over HTTP, p50", "ms"),
    )  # fmt: skip


LATENCY = (
    Figure("p99_ms", "frame to push, p99", "ms", at_most=250),
    Figure("cpu_cores", "CPU of all processes", "cores", at_most=0.30),
    Figure("lost", "frames lost", at_most=0),
    Figure("load_lost", "observations lost", at_most=0),
    Figure("p50_ms", "frame to push, p50", "ms"),
    Figure("max_ms", "frame to push, longest", "ms"),
    Figure("rate_sent", "load meanwhile", "obs/s", at_least=RATE * 0.99),
    Figure("cpu_by_process.*", "CPU:", "cores"),
)
BURST = (
    Figure("phases.burst.p99_ms", "frame to push in the burst, p99", "ms", at_most=1000),
    Figure("phases.burst.rate_sent", "load of the burst", "obs/s", at_least=10 * RATE * 0.99),
    Figure("lost", "frames lost", at_most=0),
    Figure("load_lost", "observations lost", at_most=0),
    Figure("load_unsent", "observations not sent in time", at_most=0),
    Figure("phases.before.p99_ms", "before it, p99", "ms", at_most=250),
    Figure("phases.after.p99_ms", "after it, p99", "ms"),
    Figure("backlog_gone_s.*", "backlog gone after the end:", "s"),
)
MERGE_DAY = (
    Figure("pairwise_recall", "pairwise recall, the machine alone", at_least=0.98),
    Figure("pairwise_precision", "pairwise precision", at_least=0.97),
    Figure("bcubed_recall", "B-cubed recall"),
    Figure("bcubed_precision", "B-cubed precision"),
    Figure("signals", "signals of the day, seed drawn at run time", at_least=200_000),
    Figure("things", "things that truly happened"),
    Figure("cases", "cases"),
    Figure("lost", "lost", at_most=0),
    Figure("signals_per_second", "signals a second, the room on its store", "1/s"),
)
STORM = (
    Figure("signals_per_second", "signals that became part of a case", "1/s"),
    Figure("middle_per_second", "in the middle of the storm", "1/s", at_least=3_000),
    Figure("pairwise_precision", "pairwise precision", at_least=1),
    Figure("pairwise_recall", "pairwise recall", at_least=1),
    Figure("lost", "lost", at_most=0),
    Figure("cases", "cases"),
    Figure("cases_expected", "incidents"),
)
KILLS = (
    Figure("ok", "nothing lost and nothing twice (1 = yes)", at_least=1),
    Figure("kills", "SIGKILLs under load"),
    Figure("observations", "observations acknowledged"),
    Figure("fires", "fires confirmed"),
    Figure("reports", "reports answered"),
)
SIZE = (
    Figure("registered_memory_mib", "memory once all are registered, sum of PSS", "MiB",
           at_most=2_560),
    Figure("load_memory_mib", "memory after all have spoken, under load", "MiB", at_most=2_560),
    Figure("cold_start_s", "cold start to serving", "s", at_most=10),
    Figure("cold_start_after_kill_s", "cold start after SIGKILL", "s", at_most=10),
    Figure("warm_start_s", "warm start to serving", "s", at_most=5),
    Figure("register_csv_s", "register all devices from CSV", "s", at_most=60),
    Figure("register_parquet_s", "register all devices from Parquet", "s", at_most=60),
    Figure("load_memory_worst_mib", "memory, the most that was seen", "MiB"),
    Figure("rest_memory_mib", "memory after a start, at rest", "MiB"),
    Figure("load_memory_by_process_mib.*", "memory under load:", "MiB"),
)  # fmt: skip
MAP = (
    Figure("first_picture_ms", "first picture", "ms", at_most=1_500),
    Figure("frame_p95_ms", "frame of a pan, p95", "ms", at_most=150),
    Figure("own_script_p95_ms", "our own script in a frame, p95", "ms", at_most=4),
    Figure("pick_to_card_ms", "click on a device to its card", "ms", at_most=200),
    Figure("frame_p50_ms", "frame of a pan, p50", "ms"),
    Figure("tile_p95_ms", "a tile that nobody asked for yet, p95", "ms"),
    Figure("tile_again_p95_ms", "the same again, p95", "ms"),
    Figure("refresh_far.refresh_bytes_per_s", "bytes that keep it fresh, from afar", "B/s"),
)
HISTORY = (
    Figure("bytes_per_record", "on disk, raw files alone", "bytes/record", at_most=6),
    Figure("questions.one series over a day.warm_p95_ms", "one series over a day, warm p95", "ms",
           at_most=20),
    Figure("questions.minute means of 100 series over a day.warm_p95_ms",
           "minute means of 100 series over a day, warm p95", "ms", at_most=150),
    Figure("questions.exceedances per town over a week.warm_p95_ms",
           "exceedances per town over a week, warm p95", "ms", at_most=100),
    Figure("questions.top 20 over a week.warm_p95_ms", "top 20 over a week, warm p95", "ms",
           at_most=100),
    Figure("questions.last value of all.warm_p95_ms", "last values of all, warm p95", "ms",
           at_most=50),
    Figure("rate_acknowledged", "written meanwhile", "obs/s", at_least=RATE * 0.99),
    Figure("questions.*.warm_p95_ms", "warm p95:", "ms"),
    Figure("questions.*.cold_p50_ms", "cold p50:", "ms"),
    Figure("bytes_per_record_with_rollups", "on disk, with all roll-ups", "bytes/record"),
    Figure("city_cores", "CPU of the city meanwhile", "cores"),
    Figure("build_seconds", "building it", "s"),
)  # fmt: skip
TRANSITIONS = (
    Figure("steady.per_second", "transitions of cases by four desks", "1/s", at_least=300),
    Figure("storm.per_second", "transitions of cases in a storm", "1/s", at_least=1_000),
    Figure("steady.p99_ms", "a transition at four desks, p99", "ms"),
    Figure("storm.p99_ms", "a transition in a storm, p99", "ms"),
)
MILLION = (
    Figure("worst_p99_ms", "the slowest question beside a million closed cases, p99", "ms",
           at_most=100),
    Figure("worst_p99_cpu_ms", "the same by the processor's time", "ms"),
    Figure("in_memory", "cases held in memory", ""),
    Figure("questions.*.p99_ms", "p99:", "ms"),
    Figure("events_per_second", "events imported", "1/s"),
    Figure("bytes_per_case", "on disk", "bytes/case"),
)  # fmt: skip
FIRE_WEATHER = (
    Figure("published_factor.equal", "printed codes that come out to their last digit, of 294",
           at_least=294),
    Figure("exact_factor_equal", "the same with 250·59.5/101 in place of the printed 147.2"),
    Figure("days_per_cpu_second", "days a CPU second", "1/s"),
)  # fmt: skip
WATER_CLASSES = (
    Figure("agree_percent", "complete rows with the official class", "%", at_least=99),
    Figure("agree_decided_percent", "the same of rows with no figure printed at a limit", "%"),
    Figure("complete", "complete rows"),
    Figure("causes.*", "otherwise:"),
)
ANOMALY = (
    Figure("observations_per_cpu_second", "observations judged by one core", "obs/s",
           at_least=1_000_000),
    Figure("bytes_per_datastream", "memory of a datastream", "bytes", at_most=400),
    Figure("models", "datastreams learnt at a time"),
    Figure("quality.*.false_alarms_per_week", "false alarms a week of one stream:", "1/week"),
    Figure("quality.*.first_week", "false alarms in the first week of one stream:", "1/week"),
    Figure("quality.*.above_99_percent", "share of values whose score is above 0.99:", "%"),
    Figure("quality.*.above_999_percent", "share of values whose score is above 0.999:", "%"),
    Figure("quality.*.left_on_weekends", "left on weekends of a noise of 0.95:"),
    Figure("quality.*.left_on_workdays", "left on workdays of a noise of 0.95:"),
    Figure("quality.*.faults.*.found", "faults found of 40:"),
    Figure("quality.*.faults.*.median_delay_values", "values until found, median:"),
    Figure("counts.*.drop.found", "counts that drop to nothing, found of 40:"),
    Figure("counts.*.drop.median_delay_h", "hours until found, median:", "h"),
    Figure("counts.*.false_alarms_per_week", "false alarms a week of one stream of counts:",
           "1/week"),
)  # fmt: skip
CITY_ANOMALY = (
    Figure("learnt_memory_mib", "memory with all datastreams learnt, sum of PSS", "MiB",
           at_most=2_560),
    Figure("load_memory_mib", "the same under load", "MiB", at_most=2_560),
    Figure("latency.p99_ms", "frame to push beside the learner, p99", "ms", at_most=250),
    Figure("latency.lost", "frames lost", at_most=0),
    Figure("latency.load_lost", "observations lost", at_most=0),
    Figure("no_room", "observations not learnt for want of room", at_most=0),
    Figure("datastreams_learnt", "datastreams learnt"),
    Figure("latency.rate_sent", "load meanwhile", "obs/s", at_least=RATE * 0.99),
    Figure("latency.cpu_cores", "CPU of all processes", "cores"),
    Figure("latency.cpu_by_process.*", "CPU:", "cores"),
    Figure("learnt_memory_by_process_mib.*", "memory:", "MiB"),
    Figure("learnt_memory_worst_mib", "memory, the most that was seen", "MiB"),
)  # fmt: skip
FORECAST_ALARMS = (
    Figure("streams.*.false_per_week", "false alarms ahead a week:", "1/week", at_most=1),
    Figure("streams.*.told", "alarms told ahead:"),
    Figure("streams.*.came_true", "of these came true:"),
    Figure("streams.*.foretold_share", "share of passings foretold:"),
    Figure("streams.*.ahead_h_median", "told ahead, median:", "h"),
)
GAS_HYDRAULICS = (
    Figure("worst.pressure_millipascal", "greatest difference of a pressure", "mPa", at_most=2),
    Figure("worst.flow_microgram_s", "greatest difference of a flow", "µg/s", at_most=2),
    Figure("figures", "figures of the library compared"),
    Figure("states_per_cpu_second", "states of the town a CPU second", "1/s"),
)
USUAL = "densities.20 flow, 20 pressure, 100% metered"
GAS_LEAKS = (
    Figure(f"{USUAL}.false_alarms_per_week", "false alarms, 20 flow and 20 pressure loggers",
           "1/week", at_most=1),
    Figure(f"{USUAL}.found_within_30_min", "share of leaks found in 30 minutes, there", at_least=1),
    Figure(f"{USUAL}.place_within_300_m", "share of these placed within 300 m", at_least=0.8),
    Figure("processor_s", "processor's time of all of it", "s"),
    Figure("densities.*.false_alarms_per_week", "false alarms a week:"),
    Figure("densities.*.found_within_30_min", "found in 30 minutes:"),
    Figure("densities.*.found_low", "found in 30 minutes, with 95 % at least:"),
    Figure("densities.*.delay_min_median", "until found, median:", "min"),
    Figure("densities.*.place_within_300_m", "placed within 300 m:"),
    Figure("densities.*.place_error_m_median", "error of the place, median:", "m"),
    Figure("densities.*.held_by_claim", "within what is claimed:"),
)  # fmt: skip


def measurements(devices: int, seconds: float) -> list[Measurement]:
    """All of them, the short ones first."""
    bench = ("tianmu", "bench")
    size = ("--devices", str(devices))

    def ingest(form: str, batch: int, aim: float, name: str, *more: str) -> Measurement:
        command = (*bench, "ingest", "--format", form, "--batch", str(batch), *size,
                   "--seconds", f"{seconds:g}", *more, "--json")  # fmt: skip
        figures = _ingest(aim, form)
        return Measurement(f"ingest {name}", command, figures, peers=form != "columns")

    latency = (*bench, "latency", "--rate", str(RATE), *size)
    return [
        ingest("json", 1_000, 800_000, "json ×1000"),
        ingest("columns", 1_000, 1_000_000, "columns ×1000"),
        ingest("arrow", 10_000, 1_500_000, "arrow ×10000"),
        ingest("mqtt", 100, 300_000, "mqtt ×100"),
        ingest("mqtt", 1, RATE, "mqtt ×1", "--rate", "30000"),
        Measurement("latency", (*latency, "--seconds", "60", "--json"), LATENCY, 2, peers=True),
        Measurement("storm", (*bench, "storm", "--signals", "30000", "--rate", "3500", "--json"),
                    STORM, peers=True),
        Measurement("transitions", ("benchmarks/manage_transitions.py",), TRANSITIONS),
        Measurement("merge day", ("benchmarks.merge_day", "--hours", "24"), MERGE_DAY, 1),
        Measurement("million", ("benchmarks/manage_million.py",), MILLION, 1),
        Measurement("quality fire weather", ("benchmarks/fire_weather.py",), FIRE_WEATHER, 1,
                    listed="published_factor.mismatches"),
        Measurement("quality water classes", ("benchmarks/water_classes.py",), WATER_CLASSES, 1,
                    listed="mismatches"),
        Measurement("quality anomaly", ("benchmarks/anomaly.py",), ANOMALY, 1, peers=True),
        Measurement("quality forecast alarms", ("benchmarks/forecast_alarms.py",),
                    FORECAST_ALARMS, 1),
        Measurement("quality gas hydraulics", ("benchmarks/gas_hydraulics.py",), GAS_HYDRAULICS, 1),
        Measurement("quality gas leaks", ("benchmarks/gas_leaks.py", "--weeks", "8", "--json"),
                    GAS_LEAKS, 1),
        Measurement("size", ("benchmarks.city_size", *size), SIZE, 1),
        Measurement("anomaly city", ("benchmarks.city_anomaly", *size), CITY_ANOMALY, 1),
        Measurement("map", ("benchmarks.map", *size), MAP, 1),
        Measurement("burst", (*latency, "--seconds", "30", "--burst-seconds", "300", "--json"),
                    BURST, 1),
        Measurement("kills", ("benchmarks.city_kills", "--kills", "200", "--json"), KILLS, 1),
        Measurement("history", (*bench, "history", "--records", "220000000", "--seconds", "240",
                                "--json"), HISTORY, 1),
    ]  # fmt: skip
