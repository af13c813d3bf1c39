"""Numba kernels for the parts of a JSON message: names of fields, texts, times and numbers.

Numbers by RFC 8259, times by RFC 3339. A value of at most 15 digits with a small exponent is exact
in one multiplication or division of doubles (Clinger 1990); others are left to be read from their
place. Each says where what it read has ended, −1 where it is not of the usual kind.
"""

from __future__ import annotations

import numpy as np
from numba import njit

DATE, DAYS = 3, 4
"""places of what is told beside the rows: the date of the last time that was read (0: none yet),
and its days"""

DATASTREAM, TIME, VALUE, SEQUENCE, QUALITY = 0, 1, 2, 3, 4
_LAST_MS = 253_402_300_799_999
_DAY = 86_400_000_000

_BLANK, _TAB, LINE, _RETURN = 32, 9, 10, 13
QUOTE, _SLASH, COMMA, COLON, _DOT = 34, 92, 44, 58, 46
_MINUS, _PLUS, _ZERO = 45, 43, 48
OPEN, CLOSE, LEFT, RIGHT = 91, 93, 123, 125

_WORDS = np.zeros((5, 12), np.uint8)
_LENGTHS = np.zeros(5, np.int64)
for _place, _name in enumerate((b"datastream", b"time", b"value", b"sequence", b"quality")):
    _WORDS[_place, : len(_name)] = np.frombuffer(_name, np.uint8)
    _LENGTHS[_place] = len(_name)
_TENS = 10.0 ** np.arange(23)


@njit(cache=True, nogil=True)
def blanks(body, at, end, lines):
    """The first byte from ``at`` on that is no white space (RFC 8259, 2); a line break is some
    only where ``lines``."""
    while at < end:
        byte = body[at]
        if byte not in (_BLANK, _TAB, _RETURN) and not (lines and byte == LINE):
            break
        at += 1
    return at


@njit(cache=True, nogil=True)
def _digits(body, at, count):
    """A number of exactly ``count`` digits; negative where one is none."""
    number = np.int64(0)
    for i in range(at, at + count):
        digit = np.int64(body[i]) - _ZERO
        if digit < 0 or digit > 9:
            return np.int64(-1)
        number = number * 10 + digit
    return number


@njit(cache=True, nogil=True)
def field(body, at, end):
    """The field whose name begins after the quote at ``at``, and where its value may begin; −1
    where it is none of ours."""
    at += 1
    if at >= end:
        return -1, at
    first = body[at]
    if first == 100:
        field = DATASTREAM
    elif first == 116:
        field = TIME
    elif first == 118:
        field = VALUE
    elif first == 115:
        field = SEQUENCE
    elif first == 113:
        field = QUALITY
    else:
        return -1, at
    length = _LENGTHS[field]
    if at + length >= end:
        return -1, at
    for i in range(length):
        if body[at + i] != _WORDS[field, i]:
            return -1, at
    at += length
    if body[at] != QUOTE:
        return -1, at
    return field, at + 1


@njit(cache=True, nogil=True)
def text(body, at, end):
    """Where the text that begins with the quote at ``at`` has its closing quote; −1 where it is
    not plain ASCII, or has an escape."""
    if at >= end or body[at] != QUOTE:
        return -1
    at += 1
    while at < end:
        byte = body[at]
        if byte == QUOTE:
            return at
        if byte < 32 or byte == _SLASH or byte > 127:
            return -1
        at += 1
    return -1


@njit(cache=True, nogil=True)
def _days(year, month, day):
    """Days since 1970-01-01 in the Gregorian calendar; the smallest number where there is no such
    day."""
    none = np.int64(-(1 << 40))
    if year < 1900 or year > 2999 or month < 1 or month > 12 or day < 1:
        return none
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    length = 31
    if month in (4, 6, 9, 11):
        length = 30
    elif month == 2:
        length = 29 if leap else 28
    if day > length:
        return none
    # years from March on, so that the leap day is the last of them
    years = year - (1 if month <= 2 else 0)
    months = (month + 9) % 12
    era = years // 400
    of_era = years - era * 400
    of_year = (153 * months + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@njit(cache=True, nogil=True)
def _instant(body, at, end, told):
    """µs of the RFC 3339 time whose opening quote is at ``at``, and where it has ended; ends at −1
    where it is written in another way. ``told`` keeps the date of the last one, and its days."""
    at += 1
    if at + 21 > end:
        return 0, -1
    year, month, day = _digits(body, at, 4), _digits(body, at + 5, 2), _digits(body, at + 8, 2)
    hour = _digits(body, at + 11, 2)
    minute = _digits(body, at + 14, 2)
    second = _digits(body, at + 17, 2)
    if (
        min(year, month, day, hour, minute, second) < 0
        or hour > 23
        or minute > 59
        or second > 59
        or body[at + 4] != _MINUS
        or body[at + 7] != _MINUS
        or body[at + 10] != 84
        or body[at + 13] != COLON
        or body[at + 16] != COLON
    ):
        return 0, -1
    date = (year * 100 + month) * 100 + day
    if date == 0 or date != told[DATE]:
        days = _days(year, month, day)
        if days < -(1 << 39):
            return 0, -1
        told[DATE] = date
        told[DAYS] = days
    time = told[DAYS] * _DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000
    at += 19
    if body[at] == _DOT:
        at += 1
        unit = 100_000
        first = at
        while at < end and _ZERO <= body[at] <= _ZERO + 9:
            if unit == 0:
                return 0, -1
            time += (np.int64(body[at]) - _ZERO) * unit
            unit //= 10
            at += 1
        if at == first:
            return 0, -1
    if at + 1 >= end:
        return 0, -1
    zone = body[at]
    if zone == 90:
        at += 1
    elif zone in (_PLUS, _MINUS) and at + 6 < end:
        hours, minutes = _digits(body, at + 1, 2), _digits(body, at + 4, 2)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59 or body[at + 3] != COLON:
            return 0, -1
        east = (hours * 60 + minutes) * 60_000_000
        time += east if zone == _MINUS else -east
        at += 6
    else:
        return 0, -1
    if body[at] != QUOTE:
        return 0, -1
    return time, at + 1


@njit(cache=True, nogil=True)
def integer(body, at, end):
    """An integer of at most 15 digits, and where it has ended; ends at −1 where it is none."""
    negative = at < end and body[at] == _MINUS
    if negative:
        at += 1
    first = at
    number = np.int64(0)
    while at < end and _ZERO <= body[at] <= _ZERO + 9:
        number = number * 10 + np.int64(body[at]) - _ZERO
        at += 1
        if at - first > 15:
            return number, -1
    if at == first or (body[first] == _ZERO and at > first + 1):
        return number, -1
    if at < end and (body[at] == _DOT or body[at] == 101 or body[at] == 69):
        return number, -1
    return -number if negative else number, at


@njit(cache=True, nogil=True)
def moment(body, at, end, told):
    """µs of a time, told as RFC 3339 or as milliseconds, and where it has ended (−1: neither)."""
    if at < end and body[at] == QUOTE:
        return _instant(body, at, end, told)
    ms, at = integer(body, at, end)
    if at < 0 or ms > _LAST_MS or ms < -_LAST_MS:
        return 0, -1
    return ms * 1000, at


@njit(cache=True, nogil=True)
def number(body, at, end):
    """A value, whether it is exact, and where it has ended (−1: no number)."""
    negative = at < end and body[at] == _MINUS
    if negative:
        at += 1
    first = at
    mantissa = np.uint64(0)
    digits = 0
    power = np.int64(0)
    plain = True
    while at < end and _ZERO <= body[at] <= _ZERO + 9:
        mantissa = mantissa * np.uint64(10) + np.uint64(body[at] - _ZERO)
        digits += 1 if mantissa else 0
        at += 1
    if at == first or (body[first] == _ZERO and at > first + 1):
        return 0.0, False, -1
    if at < end and body[at] == _DOT:
        plain = False
        at += 1
        first = at
        while at < end and _ZERO <= body[at] <= _ZERO + 9:
            mantissa = mantissa * np.uint64(10) + np.uint64(body[at] - _ZERO)
            digits += 1 if mantissa or digits else 0
            at += 1
        if at == first:
            return 0.0, False, -1
        power = np.int64(first - at)
    if at < end and (body[at] == 101 or body[at] == 69):
        plain = False
        at += 1
        down = at < end and body[at] == _MINUS
        if at < end and (body[at] == _MINUS or body[at] == _PLUS):
            at += 1
        first = at
        exponent = np.int64(0)
        while at < end and _ZERO <= body[at] <= _ZERO + 9:
            if exponent < 100_000:
                exponent = exponent * 10 + np.int64(body[at]) - _ZERO
            at += 1
        if at == first:
            return 0.0, False, -1
        power += -exponent if down else exponent
    if digits > 15 or power > 22 or power < -22:
        return 0.0, False, at
    value = np.float64(mantissa)
    value = value * _TENS[power] if power >= 0 else value / _TENS[-power]
    # an integer has no negative nought
    return -value if negative and not (plain and mantissa == 0) else value, True, at
