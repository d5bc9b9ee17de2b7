"""Months, hours, money, and what goes wrong."""

import calendar
from datetime import datetime, timezone
from fractions import Fraction

HOUR = 3_600_000_000
MAJOR_DIGITS = 13  # the most digits before the point of an amount on a document


class Problem(Exception):
    """The record cannot be billed."""


class NoBill(Exception):
    """There is no bill at all."""


def month_bounds(month):
    year, number = map(int, month.split("-"))
    start = calendar.timegm((year, number, 1, 0, 0, 0)) * 1_000_000
    following = (year + number // 12, number % 12 + 1)
    return start, calendar.timegm((*following, 1, 0, 0, 0)) * 1_000_000


def month_of(micros):
    instant = datetime.fromtimestamp(micros // 1_000_000, timezone.utc)
    return f"{instant.year:04}-{instant.month:02}"


def rounded(exact, digits):
    """To whole minor units, half away from zero."""
    scaled = abs(exact) * 10**digits
    whole = (scaled.numerator * 2 + scaled.denominator) // (scaled.denominator * 2)
    return whole if exact >= 0 else -whole


def checked(minor, digits, error):
    if abs(minor) >= 10 ** (MAJOR_DIGITS + digits):
        raise error
    return minor


def costs(entry, rule, start, begin, end):
    """What one of a piece costs: from nothing to its hours; of a month from what is over at its begin to what is at its end."""
    price = Fraction(entry["price"]) / entry["per"]
    if entry["unit"] == "Unit":
        return 0, price
    first, last = month_bounds(month_of(begin))
    if entry["unit"] == "Hour":
        rule = entry["hours"] or rule
        if entry["most"] is None:
            return 0, hours(rule, start, begin, end) * price
        most = Fraction(entry["most"]) / entry["per"]
        until = lambda instant: min(most, price * hours(rule, start, max(start, first), instant))
        return until(begin), until(end)
    return price * (begin - first) / (last - first), price * (end - first) / (last - first)


def is_of_no_hours(entry, rule, start, begin, end):
    return entry["unit"] == "Hour" and hours(entry["hours"] or rule, start, begin, end) == 0


def hours(rule, start, begin, end):
    if rule == "Exact":
        return Fraction(end - begin, HOUR)
    def until(instant):
        return 0 if instant <= start else max(1, -((start - instant) // HOUR))
    return Fraction(until(end) - until(begin))


def counted_in(record, begin, end):
    """What a counter counted: what it had at the end, less what it had at the begin; nothing before the first reading."""
    until = lambda instant: max((Fraction(quantity) for at, quantity in record["readings"] if at <= instant), default=Fraction(0))
    return until(end) - until(begin)


def item(kind, key, total, tax=None):
    return {"kind": kind, "key": key, "total": total, "tax": tax}


def shown(tax):
    return tax and [tax[0], str(tax[1])]


def to_bill(billed, due, taken):
    """What notes took back was given back in advance: a reduction comes out of that, and only the rest of it is given back."""
    return due - billed + min(taken, max(0, billed - due))
