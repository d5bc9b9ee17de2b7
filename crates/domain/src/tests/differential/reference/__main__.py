"""The invoice engine once more, in another language and by other hands' means: fractions, sets and plain loops.

Reads organizations as JSON, one a line, and writes the bills of all their groups and months, one line for each
organization. Written after the rules in the documentation, not after the engine: where the two differ, one of them is
wrong. Only the standard library; times are microseconds since 1970.
"""

import json
import sys

from basics import NoBill
from group_month import GroupMonth
from late import history
from organization import Organization


def bills(given):
    if "history" in given:
        return history(given)
    organization = Organization(given)
    answers = []
    for month in given["months"]:
        for group in given["groups"]:
            try:
                answers.append(GroupMonth(organization, group, month).bill())
            except NoBill:
                answers.append(None)
    return answers


def main():
    for line in sys.stdin:
        json.dump(bills(json.loads(line)), sys.stdout)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
