"""Errors in the language of whoever reads them.

The rooms below write them in English. ``errors.<language>.toml`` has each of their sentences, with
``{}`` where something is put in, and what it is in that language; a sentence that is missing there
stays as it is, and a test fails. What is put in is looked up again: it may be a sentence itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files

COOKIE = "tianmu_language"
"""set by the pages to the language they are shown in; beside it counts ``Accept-Language``"""
OWN = "en"
"""what the rooms write"""
_BOTH = re.compile(r"([^A-Za-z]*[\u3400-\u9fff][^A-Za-z]*) ([A-Za-z][^\u3400-\u9fff]*)", re.DOTALL)
_HOLE = re.compile(r"\{(\d*)\}")
_DEEPEST = 4
LONGEST = 1_000
"""characters of what is translated: what is longer repeats what somebody sent"""


@cache
def languages() -> tuple[str, ...]:
    """The languages that errors can be said in."""
    there = (one.name.split(".") for one in files("tianmu.web.answer").iterdir())
    return (OWN, *sorted(n[1] for n in there if len(n) == 3 and (n[0], n[2]) == ("errors", "toml")))


@cache
def sentences(language: str) -> dict[str, str]:
    """English sentence → the same in ``language``, of all sections."""
    text = (files("tianmu.web.answer") / f"errors.{language}.toml").read_text(encoding="utf-8")
    return {k: v for section in tomllib.loads(text).values() for k, v in section.items()}


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Sentences with something put in; those that say most by themselves first."""
    open_ones = [one for one in sentences(language) if "{}" in one]
    open_ones.sort(key=lambda one: -len(one.replace("{}", "")))
    return [
        (re.compile("(.+?)".join(map(re.escape, one.split("{}"))), re.DOTALL), said)
        for one in open_ones
        for said in (sentences(language)[one],)
    ]


def _filled(said: str, within: list[str]) -> str:
    in_order = iter(within)
    return _HOLE.sub(lambda hole: within[int(hole[1])] if hole[1] else next(in_order), said)


def called(whole: str, language: str) -> str:
    """What an account is called: of a name written in both languages, "值班员 Duty officer", the
    half in this one; another as it is. The pages do the same (``called`` of ``ui/src/words``)."""
    halves = _BOTH.fullmatch(whole)
    return halves[2 if language == OWN else 1] if halves else whole


def asked_for(headers: Mapping[str, str]) -> str:
    """The language that a request wants, by the page's cookie or the browser's own; empty where
    it names none of ours."""
    try:
        chosen = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        chosen = None
    if chosen is not None and chosen.value in languages():
        return chosen.value
    wanted = []
    for part in headers.get("accept-language", "").split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((-float(quality or 1), tag.partition("-")[0].lower()))
        except ValueError:
            continue
    wanted.sort(key=lambda one: one[0])
    return next((tag for _, tag in wanted if tag in languages()), "")


def translated(text: str, language: str, depth: int = 0) -> str:
    """An error in ``language``; as it is where the language is ours, or the sentence unknown."""
    if language in {"", OWN} or language not in languages() or depth > _DEEPEST:
        return text
    if len(text) > LONGEST:
        return text
    known = sentences(language)
    if text in known:
        return known[text]
    what, behind, where = text.rpartition(" - at ")
    if behind:  # as msgspec names the place in a body
        return f"{translated(what, language, depth + 1)} ({where})"
    for pattern, said in _patterns(language):
        if found := pattern.fullmatch(text):
            within = [translated(one, language, depth + 1) for one in found.groups()]
            return _filled(said, within)
    for between in ("; ", ": "):  # several in one, or one behind the place where it is wrong
        parts = text.split(between)
        if len(parts) > 1:
            if between == ": ":
                parts = [parts[0], between.join(parts[1:])]
            return between.join(translated(one, language, depth + 1) for one in parts)
    return text
