"""Prices that depend on how much comes together in a month: tiers, and whole packages."""

from fractions import Fraction


def named(entry):
    """Which entry of which list: entries of two lists may have one name."""
    return entry["list"] + "/" + entry["name"]


def place(entry, project):
    """Whose usage comes together."""
    return entry["list"], entry["name"], project if entry["scale"]["scope"] == "Project" else None


def portions(taking):
    """What each has of the quantity of its scope. Taking are entry, record, where what is charged of the record begins, and its
    quantity; answers with the portions by record and begin, and with what came together."""
    found, sums, filled = {}, {}, {}
    taking = sorted(taking, key=lambda one: (one[2], one[1]["project"], one[1]["service"]["name"], one[1]["name"]))
    for entry, record, _, quantity in taking:
        at = place(entry, record["project"])
        sums[at] = sums.get(at, 0) + quantity
    for entry, record, begin, quantity in taking:
        at = place(entry, record["project"])
        before = filled.get(at, Fraction(0))
        filled[at] = before + quantity
        found[record["name"], begin] = pieces(entry, before, before + quantity, sums[at])
    return found, sums


def pieces(entry, low, high, whole):
    """Of each tier what lies in it: its price, where it lies, and what the tier comes to before and with it."""
    per, scale = entry["per"], entry["scale"]
    if scale["way"] == "Packages":
        price = Fraction(entry["price"])
        packages = lambda quantity: -(-quantity // per)
        return [(price, low, high - low, packages(low) * price, packages(high) * price)]
    found, begin = [], Fraction(0)
    for end, price in scale["tiers"]:
        end, price = None if end is None else Fraction(end), Fraction(price)
        if scale["way"] == "Volume":
            if end is None or whole <= end:
                return [(price, low, high - low, low * price / per, high * price / per)]
        else:
            bottom, top = max(low, begin), high if end is None else min(high, end)
            if bottom < top:
                cost = lambda quantity: (quantity - begin) * price / per
                found.append((price, bottom, top - bottom, cost(bottom), cost(top)))
        begin = end
    return found
