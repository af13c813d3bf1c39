"""The model that traces: outlets and works upstream of a bad station, ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.city.place.waters import Reach, Waters
from tianmu.scenarios.contract import BadInput, BadParameter, Column, Model, Parameter
from tianmu.scenarios.reading import number_of, numbers, texts
from tianmu.scenarios.water_ecology import asked, seeding
from tianmu.scenarios.water_ecology.figures import read_all
from tianmu.scenarios.water_ecology.heads import of_item
from tianmu.scenarios.water_ecology.markup import bare
from tianmu.scenarios.water_ecology.network import Network, Upstream, build, upstream
from tianmu.scenarios.water_ecology.standard import standard
from tianmu.scenarios.water_ecology.trace import Sources, Traced, Weighing, trace
from tianmu.scenarios.water_ecology.words import settings


def network_of(reaches: Sequence[Reach]) -> Network:
    """A network with the speeds of the scenario's settings."""
    table = np.asarray(settings().trace.speed_m_s)

    def speed(order: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(table[np.clip(order, 1, len(table)) - 1])

    return build(
        [one.code for one in reaches],
        [one.start for one in reaches],
        [one.end for one in reaches],
        np.array([one.length_km for one in reaches]),
        np.array([one.order for one in reaches], np.int64),
        speed,
    )


def weighing(usual: Mapping[str, float], half_h: float) -> Weighing:
    """How sources are weighed: limits of class Ⅲ in rivers, the rest as the settings say; ``usual``
    goes before theirs."""
    own = settings().trace
    limits = {
        one.key: one.limits[2]
        for one in standard().item
        if one.sense == "at_most" and len(one.limits) == len(standard().classes) - 1
    }
    return Weighing(
        limits,
        {**own.usual, **usual},
        own.decay_per_day,
        own.scatter,
        half_h,
        own.slowest,
        own.fastest,
    )


def trace_station(
    waters: Waters, station: str, profile: Mapping[str, float]
) -> list[tuple[str, Traced, int]]:
    """Outlets of the pack that could be the cause at ``station`` (code or name), likeliest first:
    (outlet's code, all that was traced, its place there). KeyError for a station that is not known
    or lies on no reach."""
    where = waters.stations_by_name[station]
    network = network_of(list(waters.reaches.values()))
    way = upstream(network, where.reach, where.km or 0.0)
    outlets = list(waters.outlets.values())
    items = tuple(dict.fromkeys(item for one in outlets for item in one.profile))
    sources = Sources(
        np.array([network.place[one.reach] for one in outlets], np.int64),
        np.array([np.nan if one.km is None else one.km for one in outlets]),
        items,
        np.array([[one.profile.get(item, np.nan) for item in items] for one in outlets]),
    )
    found = trace(network, way, profile, sources, weighing({}, settings().trace.half_h))
    order = sorted((int(rank), at) for at, rank in enumerate(found.rank) if rank)
    return [(outlets[at].code, found, at) for _, at in order]


def run_trace(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    table = bare(table)
    known = standard()
    figures = read_all(table, known)
    if not figures:
        raise BadInput(
            0, "", "no column is an item", "give what each source lets out, as COD(mg/L)"
        )
    waters = asked.waters(parameters, "tracing") if parameters["pack"] else None
    network = network_of(_reaches(parameters, waters))
    profile = asked.concentrations(parameters["profile"], "profile", known)
    if not profile:
        raise BadParameter("profile", "is needed", "say profile=ammonia=3.2,phosphorus=0.6")
    usual = asked.concentrations(parameters["usual"], "usual", known)
    sources = Sources(
        np.array([network.place.get(one, -1) for one in texts(table, "reach")], np.int64),
        _km(table),
        tuple(figures),
        np.stack([one.values for one in figures.values()], axis=1),
    )
    if (sources.reach < 0).any():
        row = int(np.argmax(sources.reach < 0))
        what = f"reach {texts(table, 'reach')[row]!r} is not in the network"
        raise BadInput(row + 1, "reach", what, "use a reach of the network that was named")
    too_far = sources.km_above_end > network.length_km[sources.reach]
    if too_far.any():
        row = int(np.argmax(too_far))
        raise BadInput(row + 1, "km", "lies beyond the reach's beginning", "give km above its end")
    half = number_of(parameters, "half_h", low=0.01) if parameters["half_h"] else None
    found = trace(
        network,
        _station(parameters, network, waters),
        profile,
        sources,
        weighing(usual, half or settings().trace.half_h),
    )

    def told(values: NDArray[np.float64]) -> pa.Array:
        return pa.array(np.round(values, 4), from_pandas=True)

    return pa.table(
        {
            "rank": pa.array(found.rank, mask=found.rank == 0),
            "score": told(found.score),
            "travel_h": told(found.hours),
            "travel_h_least": told(found.hours_least),
            "travel_h_most": told(found.hours_most),
            "travel_km": told(found.km),
            "likeness": told(found.likeness),
            "likeness_items": pa.array(found.items),
        }
    )


def _reaches(parameters: Mapping[str, str], waters: Waters | None) -> list[Reach]:
    file = parameters["network"]
    if not file:
        if waters is None or not waters.reaches:
            raise BadParameter(
                "network", "is needed", "name a file of reaches, or a pack with them"
            )
        return list(waters.reaches.values())
    try:
        return seeding.flowlines(Path(file))
    except OSError as error:
        raise BadParameter(
            "network", f"{file}: {error.strerror}", "name a file of reaches"
        ) from error
    except (KeyError, ValueError) as error:
        raise BadParameter(
            "network", f"{file}: {error}",
            "give columns COMID, GNIS_NAME, FromNode, ToNode, LENGTHKM, StreamOrde",
        ) from error  # fmt: skip


def _station(parameters: Mapping[str, str], network: Network, waters: Waters | None) -> Upstream:
    name = parameters["station"]
    own = waters.stations_by_name.get(name) if waters else None
    reach, km = (own.reach, own.km or 0.0) if own else (name, 0.0)
    if parameters["km"]:
        km = number_of(parameters, "km", low=0.0)
    if reach not in network.place:
        what = f"{name or 'nothing'} is no reach, and no station on one"
        raise BadParameter("station", what, "name a reach, or a station of the pack that has one")
    if km > network.length_km[network.place[reach]]:
        raise BadParameter("km", "lies beyond the reach's beginning", "give km above its end")
    return upstream(network, reach, km)


def _km(table: pa.Table) -> NDArray[np.float64]:
    if "km" not in table.column_names:
        return np.full(len(table), np.nan)
    return numbers(table, "km", low=0.0, required=False)


TRACE = Model(
    "trace",
    "which outlets and works upstream of a bad station could be the cause, ranked by travel time "
    "and by the likeness of what they let out",
    (Column("reach", "", "the reach of the network on which the source lies"),),
    (
        Column("km", "km", "how far above the lower end of the reach; its middle where not said"),
        of_item("ammonia", "what the source lets out; or any other item"),
    ),
    (
        Column("rank", "", "1 is the likeliest; empty for what does not flow to the station"),
        Column("score", "", "likeness × ½^(travel time / half_h); an unknown likeness counts ½"),
        Column("travel_h", "h", "from the source to the station"),
        Column("travel_h_least", "h", "where the water is as fast as it may be"),
        Column("travel_h_most", "h", "where it is as slow as it may be"),
        Column("travel_km", "km", "along the river"),
        Column("likeness", "", "of the two profiles, 0–1; empty where fewer than two items are "
               "known of both"),
        Column("likeness_items", "", "items that it rests on"),
    ),
    (
        Parameter("station", "the bad station: a reach, or a station of the pack", ""),
        Parameter("profile", "what was measured there: item=figure,…", ""),
        Parameter("km", "how far the station lies above the lower end of its reach", ""),
        Parameter("usual", "what is usual there: item=figure,…; else as scenario.toml says", ""),
        Parameter("half_h", "hours of travel that halve the score; else as scenario.toml says", ""),
        Parameter("network", "a file of reaches like NHDPlus V2's; else the pack's", ""),
        asked.PACK,
    ),
    run_trace,
)  # fmt: skip
