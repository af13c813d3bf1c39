"""How people of the city say things: ``telling.toml``, words beside those of the matters.

By them it is heard that something is wrong with a thing that is named, that what is named is not
so (any more), that somebody only thanks, and which signs are taken for each other where speech is
written down. How far a word reaches in a text is a language's, too: three signs of Chinese say what
takes an English speaker fifteen. So all of it is the pack's. Without the file only the words of the
matters themselves are heard.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import msgspec

from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader

FILE = "telling.toml"

Words = dict[str, tuple[str, ...]]
"""language → words"""


class Reach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far words of a language reach, in signs of a text without punctuation; where words are
    written apart their blanks count."""

    denies: int
    """behind a word that denies, within its clause"""
    parts: int
    """between two parts of a synonym (``井盖&不见``) at most"""
    beside: int
    """from a thing to what is said to be wrong with it at most"""
    place: int
    """between a thing and a word by which it only says where something is at most"""


class Telling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each by language."""

    wrong: Words = {}
    """something is wrong with a thing that they name"""
    content: Words = {}
    """they thank or praise: nothing is to be done"""
    asks: Words = {}
    """they ask for something: thanks beside it are for what is still to be done"""
    denies: Words = {}
    """stands before what is not so, within the same clause"""
    affirms: Words = {}
    """begins like one that denies, or holds one of ``over`` or ``other``, and is none"""
    over: Words = {}
    """stands after what was so and is no more"""
    turns: Words = {}
    """begins another clause, in which what was denied before may be so"""
    behind: Words = {}
    """stands behind a thing that only says where something is: 路灯下面"""
    before: Words = {}
    """stands before such a thing: beside the bin"""
    other: Words = {}
    """lies across a word of a matter, and tells of something else: 火爆 across 大火"""
    sounds: Words = {}
    """signs that sound alike, each group a word"""
    reach: dict[str, Reach] = {}
    """by language"""
    basis: str = ""

    def words(self, kind: str) -> tuple[str, ...]:
        """Of all languages together."""
        return tuple(word for words in getattr(self, kind).values() for word in words)


KINDS = tuple(name for name in Telling.__struct_fields__ if name not in ("reach", "basis"))


def read(reader: PackReader) -> Telling:
    """What the pack says; nothing where it has no such file."""
    document = reader.toml(FILE, required=False)
    if document is None:
        return Telling()
    data = {name: value for name, value in document.data.items() if name != "reach"}
    found = reader.build(document, (), data, Telling)
    if found is None:
        return Telling()
    found = msgspec.structs.replace(found, reach=_reach(reader, document))
    for kind in KINDS:
        _check(reader, document, kind, getattr(found, kind))
    _check_affirms(reader, document, found)
    _check_sounds(reader, document, found)
    _check_reach(reader, document, found)
    return found


def _check(reader: PackReader, document: Document, kind: str, words: Words) -> None:
    for language, said in words.items():
        if language not in reader.languages:
            what = f"{kind}: language {language!r} is not one of the pack's"
            remedy = f"use {', '.join(reader.languages)} or add it to languages in city.toml"
            reader.fault(FILE, document.line(kind, language), what, remedy)
        seen: set[str] = set()
        for index, word in enumerate(said):
            line = document.line(kind, language, index)
            if not any(sign.isalnum() for sign in word):
                what = f"{kind}: {word!r} is no word"
                reader.fault(FILE, line, what, "write letters, or leave it out")
            elif _folded(word) in seen:
                reader.fault(FILE, line, f"{kind}: {word!r} stands there twice", "keep one")
            seen.add(_folded(word))


def _check_affirms(reader: PackReader, document: Document, telling: Telling) -> None:
    """A word that holds none of those it is to except does nothing: it is a mistake."""
    marks = [_folded(word) for kind in ("denies", "over", "other") for word in telling.words(kind)]
    for language, index, word in _each(telling.affirms):
        if not any(mark in _folded(word) for mark in marks):
            what = (
                f"affirms: {word!r} holds no word of denies, over or other, so it changes nothing"
            )
            line = document.line("affirms", language, index)
            reader.fault(FILE, line, what, "leave it out, or add what it is to except")


def _check_sounds(reader: PackReader, document: Document, telling: Telling) -> None:
    seen: set[str] = set()
    for language, index, group in _each(telling.sounds):
        line = document.line("sounds", language, index)
        if len(group) < 2:
            what = f"sounds: {group!r} is one sign, which sounds like no other"
            reader.fault(FILE, line, what, "write all signs that sound alike, or leave it out")
        for sign in group:
            if sign in seen:
                what = f"sounds: {sign!r} stands there twice"
                reader.fault(FILE, line, what, "keep it where it is heard most")
            seen.add(sign)


def _reach(reader: PackReader, document: Document) -> dict[str, Reach]:
    """What is said of each language, one by one: a fault stands at its line."""
    told = reader.build(document, ("reach",), document.data.get("reach", {}), dict[str, Any]) or {}
    built = {one: reader.build(document, ("reach", one), told[one], Reach) for one in told}
    return {language: reach for language, reach in built.items() if reach is not None}


def _check_reach(reader: PackReader, document: Document, telling: Telling) -> None:
    """A language whose words are listed needs it; each of its figures counts signs."""
    spoken = {one for kind in KINDS if kind != "sounds" for one in getattr(telling, kind)}
    told = document.data.get("reach", {})
    missing = spoken & set(reader.languages) - set(told) if isinstance(told, dict) else ()
    for language in sorted(missing):
        what = f"reach: how far the words of language {language!r} reach is not said"
        names = ", ".join(f"{name} = …" for name in Reach.__struct_fields__)
        reader.fault(FILE, 0, what, f"write [reach.{language}] with {names}")
    for language, reach in telling.reach.items():
        if language not in reader.languages:
            what = f"reach: language {language!r} is not one of the pack's"
            remedy = f"use {', '.join(reader.languages)} or add it to languages in city.toml"
            reader.fault(FILE, document.line("reach", language), what, remedy)
        for name in Reach.__struct_fields__:
            if (signs := getattr(reach, name)) < 1:
                what = f"reach.{language}: {name} = {signs} is no number of signs"
                line = document.line("reach", language, name)
                reader.fault(FILE, line, what, "write how many signs, 1 or more")


def _each(words: Words) -> Iterator[tuple[str, int, str]]:
    return (
        (language, at, word) for language, said in words.items() for at, word in enumerate(said)
    )


def _folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()
