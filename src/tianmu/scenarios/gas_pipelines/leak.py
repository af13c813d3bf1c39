"""Leaks, by what flows and pressures should be and are.

What the consumers take is known of those whose meters are read; the others are taken to do as
these do. The hydraulic model tells what every flow meter and pressure logger should then show. A
leak of one kg/s at a place would change them by known amounts (``linear.answers``), so of each
place is asked how much better the differences are told by a leak there: a likelihood ratio over
balance and pressure pattern at once, over several lengths of time. The greatest of them, in
standard deviations, is the score.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np

from tianmu.scenarios.gas_pipelines import demand
from tianmu.scenarios.gas_pipelines.hydraulics import solve
from tianmu.scenarios.gas_pipelines.layout import Layout
from tianmu.scenarios.gas_pipelines.linear import answers
from tianmu.scenarios.gas_pipelines.network import F64, I64, Network
from tianmu.scenarios.gas_pipelines.silent import Doubt, common, doubted, guessed
from tianmu.scenarios.gas_pipelines.simulate import Readings, inflows
from tianmu.scenarios.gas_pipelines.span import Span, carried, fast, lasting, means
from tianmu.scenarios.gas_pipelines.spikes import Spikes, spikes_of
from tianmu.scenarios.settings import settings_of

_ALL = slice(None)
LEVELS = np.geomspace(0.15, 6.0, 14)
"""times the usual demand: at each the answers are reckoned once"""


class LeakSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    windows: tuple[int, ...]
    """readings that are averaged, short to long"""
    since: tuple[tuple[int, int], ...]
    """(readings that are averaged, those before them that they are compared with)"""
    noise: float
    """standard deviation of an instrument, as a share of what it reads"""
    feed_bar: float
    """standard deviation by which the feeds' pressure wanders, unknown to the model"""
    feed_min: float
    """minutes after which that is forgotten to 1/e"""
    over_min: float
    """an alarm is over when the score has been below the threshold for so long"""
    weeks: int
    """without a leak, by which the threshold is set"""
    rate_sure: float
    """probability with which false alarms are then no more frequent than is tolerable"""
    seed: int
    near_m: float
    """m about the place: as much of the likelihood as can be lies there"""
    sure: float
    """share of the likelihood that lies within ``within_m`` of the place"""


def settings() -> LeakSettings:
    return msgspec.convert(settings_of(__file__)["leak"], LeakSettings)


def spans(own: LeakSettings) -> tuple[Span, ...]:
    return (*(Span(one) for one in own.windows), *(Span(*one) for one in own.since))


def readings(own: LeakSettings) -> int:
    """So many of the last are asked of the past."""
    return max(one.window + one.before for one in spans(own))


@dataclass(frozen=True, eq=False)
class Level:
    """At one demand of the whole network."""

    shown: F64
    """(instruments,): what they show if everybody takes the usual"""
    sinks: F64
    """(instruments, consumers): how they answer to each consumer"""
    answer: F64
    """(instruments, places): how they answer to a leak of 1 kg/s"""
    read: F64
    """(instruments, instruments): covariance of what the meters' own noise makes expected"""
    slow: F64
    """of what lasts: what the unmetered take, and pressure of the feeds"""


@dataclass(frozen=True, eq=False)
class Watch:
    """Everything that is reckoned beforehand for one network and its instruments."""

    network: Network
    layout: Layout
    own: LeakSettings
    every_min: float
    places: I64
    """junctions at which a leak is thought of"""
    weight: F64
    """m of pipe that each of them stands for"""
    apart: I64
    """those of ``places`` that are asked of each reading: so many, and so unlike each other, that
    every leak looks like one of them"""
    levels: tuple[Level, ...]
    spikes: Spikes
    alike: I64
    """(consumers,): the one of ``apart`` whose leak looks as what each takes does"""


@dataclass(frozen=True, eq=False)
class Compared:
    """Measured against expected, (instruments, moments): inflows, flows in kg/s, pressures in
    bar."""

    measured: F64
    expected: F64
    read: F64
    """(instruments, moments): variance that the noise of the meters gives to what is expected"""
    factor: F64
    """(moments,): what is taken, as a share of the usual"""
    level: I64
    """(moments,): that which is nearest to it"""
    doubt: Doubt | None = None
    """of what was guessed of meters that are silent; ``None`` where none is"""

    @property
    def off(self) -> F64:
        return self.measured - self.expected


@dataclass(frozen=True)
class Place:
    """Where the leak is, if there is one."""

    junction: int
    within_m: float
    kg_s: float
    likely: tuple[tuple[int, float], ...]
    """junctions with their share of the likelihood, the likeliest first"""


@lru_cache(maxsize=2)
def prepare(network: Network, layout: Layout, every_min: float) -> Watch:
    """Takes some seconds for a town."""
    own = settings()
    places = np.arange(network.junctions)
    weight = np.zeros(network.junctions)
    for ends in (network.start, network.end):
        np.add.at(weight, ends, network.length / 2)
    levels = tuple(_level(network, layout, own, places, float(one)) for one in LEVELS)
    look = _looks(levels[int(np.abs(np.log(LEVELS)).argmin())], own)
    apart = _unlike(look)
    spikes = spikes_of(network, layout, look, apart, spans(own), every_min)
    alike = (look[:, apart].T @ look[:, network.sink_at]).argmax(axis=0)
    return Watch(network, layout, own, every_min, places, weight, apart, levels, spikes, alike)


def compare(watch: Watch, readings: Readings) -> Compared:
    """What was measured beside what the model expects. Raises ``NoSolution``."""
    network, layout = watch.network, watch.layout
    usual = network.usual
    told = np.isfinite(readings.meter)
    base = np.where(told, usual[:, None], 0.0).sum(axis=0)
    metered = np.where(told, readings.meter, 0.0).sum(axis=0)
    rest = np.maximum(np.nansum(readings.inflow, axis=0) - metered, 0.0)
    # where no meter was read at all, the inflow itself has to say how much is taken
    factor = np.where(base > 0, metered / np.maximum(base, 1e-12), rest / usual.sum())
    factor = np.maximum(factor, 1e-3)
    guess, doubt = guessed(watch.layout, readings.meter, usual[:, None] * factor, watch.every_min)
    taken = np.where(told, readings.meter, guess)
    whole = np.zeros((network.junctions, taken.shape[1]))
    np.add.at(whole, network.sink_at, np.maximum(taken, 0.0))
    state = solve(network, whole)
    expected = np.concatenate(
        [
            inflows(network, state.flow, whole),
            state.flow[layout.flow],
            state.pressure[layout.pressure],
        ]
    )
    measured = np.concatenate([readings.inflow, readings.flow, readings.pressure])
    read = read_variance(watch, np.where(told, readings.meter, 0.0))
    return Compared(
        measured,
        expected,
        read,
        factor,
        nearest(factor),
        doubt if doubt.usual.any() else None,
    )


def nearest(factor: F64) -> I64:
    """The level nearest to each share of the usual demand."""
    found: I64 = np.abs(np.log(LEVELS[:, None] / factor[None, :])).argmin(axis=0)
    return found


def _doubt(watch: Watch, compared: Compared, span: Span, part: slice = _ALL) -> F64 | None:
    """(apart, moments); ``None`` where no meter is silent."""
    if compared.doubt is None:
        return None
    doubt = compared.doubt.during(part)
    return doubted(doubt, watch.alike, len(watch.apart), span, watch.every_min)


def read_variance(watch: Watch, meter: F64) -> F64:
    answer = watch.levels[int(np.abs(np.log(LEVELS)).argmin())].sinks
    found: F64 = answer**2 @ (watch.own.noise * meter) ** 2
    return found


def scores(watch: Watch, compared: Compared) -> F64:
    """(moments,): the greatest score of all places and windows; nan before the first window is
    full, and where nothing was measured."""
    found = np.full(len(compared.level), np.nan)
    for span in spans(watch.own):
        mean = _since(compared.off, span, watch)
        shown = means(np.abs(compared.expected), span.window)
        read = means(compared.read, span.window)
        noise = fast(compared.off, span, watch.every_min)
        doubt = _doubt(watch, compared, span)
        for level in np.unique(compared.level):
            whole = np.flatnonzero((compared.level == level) & np.isfinite(mean).any(axis=0))
            for first in range(0, len(whole), _AT_ONCE):
                at = whole[first : first + _AT_ONCE]
                answer = watch.levels[level].answer[:, watch.apart]
                covariance = _covariance(
                    watch, int(level), span, shown[:, at], read[:, at], mean[:, at],
                    compared.factor[at], noise[:, at],
                )  # fmt: skip
                if doubt is not None:
                    covariance += common(answer, doubt[:, at])
                score, information = _weighed(answer, covariance, mean[:, at])
                sure = np.sqrt(information) * compared.factor[at][:, None]
                found[at] = np.fmax(found[at], watch.spikes.told(span, score, sure))
    return found


def balance(watch: Watch, compared: Compared) -> F64:
    """(moments,): what came in and is not accounted for, kg/s, over the longest window."""
    feeds = len(watch.network.feed)
    unaccounted: F64 = compared.off[:feeds].sum(axis=0, keepdims=True)
    found: F64 = means(unaccounted, watch.own.windows[-1])[0]
    return found


def place(watch: Watch, compared: Compared, moment: int) -> Place | None:
    """Where a leak would be by the readings up to ``moment``, over the window that speaks
    loudest; ``None`` where nothing was measured."""
    best: tuple[float, F64, F64] | None = None
    level = int(compared.level[moment])
    for window in watch.own.windows:
        if moment + 1 < window:
            continue
        last = slice(moment + 1 - window, moment + 1)
        mean = means(compared.off[:, last], window)[:, -1:]
        if not np.isfinite(mean).any():
            continue
        shown, read = (one[:, last].mean(axis=1, keepdims=True)
                       for one in (np.abs(compared.expected), compared.read))  # fmt: skip
        noise = fast(compared.off[:, last], Span(window), watch.every_min)[:, -1:]
        covariance = _covariance(
            watch, level, Span(window), shown, read, mean, compared.factor[moment : moment + 1],
            noise,
        )  # fmt: skip
        doubt = _doubt(watch, compared, Span(window), last)
        if doubt is not None:
            answer = watch.levels[level].answer[:, watch.apart]
            covariance += common(answer, doubt[:, -1:])
        score, information = _weighed(watch.levels[level].answer, covariance, mean)
        if best is None or score.max() > best[0]:
            best = (float(score.max()), score[0], information[0])
    if best is None:
        return None
    top, score, information = best
    likely = watch.weight * np.exp((np.maximum(score, 0) ** 2 - max(top, 0) ** 2) / 2)
    likely = likely / likely.sum()
    at, within = _middle(watch, likely)
    first = np.argsort(-likely)[:20]
    return Place(
        int(watch.places[at]), within, float(score[at] / np.sqrt(information[at])),
        tuple((int(watch.places[one]), float(likely[one])) for one in first if likely[one] > 1e-3),
    )  # fmt: skip


def _middle(watch: Watch, likely: F64) -> tuple[int, float]:
    """The place around which most of the likelihood lies within ``near_m``, of those that are
    alike in this the one from which the leak is least far; and how far it is with ``sure``."""
    order = np.argsort(-likely)
    held = order[: int(np.searchsorted(np.cumsum(likely[order]), _WHOLE)) + 1]
    x, y = (one[watch.places[held]] for one in watch.network.metres())
    far = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
    near = (far <= watch.own.near_m) @ likely[held]
    at = int(np.argmin(np.where(near >= near.max() - _ALIKE, far @ likely[held], np.inf)))
    out = np.argsort(far[at])
    share = np.cumsum(likely[held][out]) / likely[held].sum()
    within = float(far[at][out[min(int(np.searchsorted(share, watch.own.sure)), len(out) - 1)]])
    return int(held[at]), within


def _level(network: Network, layout: Layout, own: LeakSettings, places: I64, times: float) -> Level:
    usual = network.usual * times
    whole = np.zeros((network.junctions, 1))
    np.add.at(whole[:, 0], network.sink_at, usual)
    state = solve(network, whole)
    shown = np.concatenate(
        [inflows(network, state.flow, whole)[:, 0], state.flow[layout.flow, 0],
         state.pressure[layout.pressure, 0]]
    )  # fmt: skip
    answer = answers(network, state, layout.flow, layout.pressure)
    at_sinks = answer[:, network.sink_at]
    known, unknown = at_sinks[:, layout.metered], at_sinks[:, ~layout.metered]
    read, rest = usual[layout.metered], usual[~layout.metered]
    unrest = demand.settings().unrest
    meters = (known * (own.noise * read) ** 2) @ known.T * (1 + unrest**2)
    slow = (unknown * (unrest * rest) ** 2) @ unknown.T
    common = unknown @ rest
    share = (read**2).sum() / read.sum() ** 2 if len(read) else 1.0
    slow += unrest**2 * share * np.outer(common, common)
    fed = np.zeros(len(shown))
    fed[len(shown) - len(layout.pressure) :] = own.feed_bar
    return Level(shown, at_sinks, answer[:, places], meters, slow + np.outer(fed, fed))


def _looks(level: Level, own: LeakSettings) -> F64:
    """(instruments, places): how a leak there looks, whatever its size."""
    sure = own.noise * np.abs(level.shown) + _LEAST * np.abs(level.shown).max()
    look = level.answer / sure[:, None]
    found: F64 = look / np.linalg.norm(look, axis=0)
    return found


def _unlike(look: F64) -> I64:
    """Places by how unlike their answers are, the most unlike first; to three an instrument."""
    chosen = [0]
    like = look[:, 0] @ look
    while len(chosen) < min(3 * len(look), look.shape[1]):
        at = int(np.argmin(like))
        if like[at] > 0.9999:
            break
        chosen.append(at)
        like = np.maximum(like, look[:, at] @ look)
    return np.array(chosen)


def _since(off: F64, span: Span, watch: Watch) -> F64:
    """Means over the window, less what of the readings before it would have lasted."""
    found = means(off, span.window)
    if span.before:
        earlier = np.full(off.shape, np.nan)
        earlier[:, span.window :] = means(off, span.before)[:, : -span.window]
        found = found - carried(span, watch.every_min) * earlier
    return found


_WHOLE = 0.999
"""of the likelihood: places beyond it are not looked at"""
_ALIKE = 0.005
"""of the likelihood: places about which so much less lies near are as good"""
_AT_ONCE = 256
"""moments: bounds memory"""
_LEAST = 1e-4
"""of the greatest reading: no instrument is surer than this"""
_NEVER = 1e6
"""times the greatest variance: of an instrument that was not read"""


def _covariance(
    watch: Watch, level: int, span: Span, shown: F64, read: F64, mean: F64, factor: F64, noise: F64
) -> F64:
    """(moments, instruments, instruments): of means over ``window`` readings, whose own noise goes
    by what was ``shown`` and ``read`` just then and by how many came (``noise``, as ``fast`` has
    it), and all else by the level."""
    own = watch.levels[level]
    rho = carried(span, watch.every_min)
    now, before, both = lasting(span, watch.every_min)
    slow = now + rho * rho * before - 2 * rho * both
    meters = 1 / span.window + (rho * rho / span.before if span.before else 0.0)
    flows = len(shown) - len(watch.layout.pressure)
    times = np.ones((len(shown), shown.shape[1]))
    times[:flows] = factor / LEVELS[level]
    lasts = own.read * meters + own.slow * slow
    found: F64 = np.einsum("im,ij,jm->mij", times, lasts, times)
    least = np.where(np.arange(len(shown)) < flows, _LEAST * own.shown[:flows].max(), 1e-5)
    beyond = np.maximum(read - np.diag(own.read)[:, None] * times**2, 0.0)
    alone = ((watch.own.noise * shown) ** 2 + least[:, None] ** 2 + beyond) * noise
    alone = np.where(np.isfinite(mean), alone, _NEVER * np.nanmax(np.abs(own.shown)) ** 2)
    each = np.arange(len(shown))
    found[:, each, each] += alone.T
    return found


def _weighed(answer: F64, covariance: F64, mean: F64) -> tuple[F64, F64]:
    """(moments, places): scores, and what is known of each place: one over the variance of the
    leak's size there."""
    solved = np.linalg.solve(covariance, answer[None])
    information = np.maximum(np.einsum("ij,mij->mj", answer, solved), 1e-30)
    score = np.einsum("mij,im->mj", solved, np.nan_to_num(mean))
    scaled: F64 = score / np.sqrt(information)
    return scaled, information
