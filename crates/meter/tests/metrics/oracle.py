"""What metered records of a file of OpenMetrics are to be: by other code than the meter's, in fractions.

Usage: oracle.py SPEC < FILE. SPEC is JSON: metric, as, project, held, window, per, from, to, coverage, all times in seconds. Prints the
records as JSON: by project and month their start, their end and their readings.
"""

import datetime
import json
import re
import sys
from fractions import Fraction

SPEC = json.loads(sys.argv[1])
HELD, WINDOW, MEMORY = SPEC["held"], SPEC["window"], 2 * 86400


def read(lines):
    """Each series: its project, and its values by time. Of several at one time the largest."""
    series = {}
    for line in lines:
        found = re.fullmatch(r"(\w+)\{(.*)\} (\S+) (\S+)", line.strip())
        if not found or found[1] != SPEC["metric"]:
            continue
        labels = dict(re.findall(r'(\w+)="([^"]*)"', found[2]))
        values = series.setdefault(found[2], (labels[SPEC["project"]], {}))[1]
        at, value = Fraction(found[4]), Fraction(found[3])
        values[at] = max(value, values.get(at, value))
    return [(project, sorted(values.items())) for project, values in series.values()]


def rises(values, others):
    """What a counter counted, each time at the time of the later sample."""
    for index, (at, value) in enumerate(values):
        before = values[index - 1] if index else None
        if before and at - before[0] <= MEMORY:
            yield at, value - before[1] if value >= before[1] else value
        elif any(any(t <= at - HELD for t, _ in other) and any(t >= at for t, _ in other) for other in others):
            yield at, value


def spans(values):
    """From when to when a value is known."""
    for index, (at, value) in enumerate(values):
        until = at + HELD
        if index + 1 < len(values):
            until = min(until, values[index + 1][0])
        yield at, until, value


def overlap(spans_, start, end):
    """How much of a window is covered, whatever by."""
    cuts = sorted((max(a, start), min(b, end)) for a, b in spans_ if a < end and b > start)
    covered, reach = Fraction(0), start
    for a, b in cuts:
        covered += max(Fraction(0), b - max(a, reach))
        reach = max(reach, b)
    return covered


def rounded(amount, digits=6):
    scaled = amount * 10**digits
    return Fraction((2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator), 10**digits)


def text(number):
    whole, rest = divmod(number, 1)
    digits = str(int(rest * 10**6)).rjust(6, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def share(covered, start, end):
    return int(covered / (end - start) * 10000)


def said(part):
    return "0" if part == 0 else "1" if part == 10000 else f"0.{part:04}".rstrip("0")


def instant(second):
    return datetime.datetime.fromtimestamp(second, datetime.timezone.utc)


def stamp(second):
    return instant(second).strftime("%Y-%m-%dT%H:%M:%SZ")


def main():
    series = read(sys.stdin)
    counted = []
    for index, (project, values) in enumerate(series):
        others = [other for at, (_, other) in enumerate(series) if at != index]
        counted.append((project, values, list(rises(values, others)), list(spans(values))))
    records, start = {}, SPEC["from"]
    while start < SPEC["to"]:
        end = (start // WINDOW + 1) * WINDOW
        month, last = instant(start).strftime("%Y-%m"), instant(end).day == 1 and end % 86400 == 0
        amounts, known = {}, {}
        for project, values, up, held in counted:
            within = any(start < at <= end for at, _ in values)
            if not project or not (within or SPEC["as"] == "Integral" and overlap([s[:2] for s in held], start, end)):
                continue
            if SPEC["as"] == "Increase":
                amount = sum((rise for at, rise in up if start < at <= end), Fraction(0))
            else:
                amount = sum((v * max(Fraction(0), min(b, end) - max(a, start)) for a, b, v in held), Fraction(0))
            amounts[project] = amounts.get(project, 0) + amount
            known.setdefault(project, []).extend(s[:2] for s in held)
        seen = overlap([s[:2] for _, _, _, held in counted for s in held], start, end)
        missing = share(seen, start, end) < SPEC["coverage"]
        for project, amount in amounts.items():
            more = rounded(amount / SPEC["per"])
            record = records.get((project, month))
            if record is None and more:
                record = records[project, month] = {"start": stamp(start), "readings": [], "sum": Fraction(0)}
            if record is None:
                continue
            record["sum"] += more
            reading = {"at": stamp(end), "quantity": text(record["sum"])}
            seen = share(overlap(known[project], start, end), start, end)
            if seen < SPEC["coverage"]:
                reading["coverage"] = said(seen)
            record["readings"].append(reading)
        if last:
            for (project, of), record in records.items():
                if of == month:
                    if record["readings"][-1]["at"] != stamp(end):
                        reading = {"at": stamp(end), "quantity": text(record["sum"])}
                        record["readings"].append(reading | ({"coverage": "0"} if missing else {}))
                    record["end"] = stamp(end)
        start = end
    for record in records.values():
        del record["sum"]
    print(json.dumps({f"{project} {month}": record for (project, month), record in sorted(records.items())}))


main()
