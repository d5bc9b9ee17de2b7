"""What prepaid and granted money pays."""

from fractions import Fraction

from basics import item


def usable(month, credits):
    """Those of the month, by expiry, start and name."""
    fitting = [
        credit
        for credit in credits
        if credit["currency"] == month.group["currency"]
        and (credit["starts"] is None or credit["starts"] < month.end)
        and (credit["expires"] is None or month.start < credit["expires"])
    ]
    never = float("inf")
    return sorted(fitting, key=lambda credit: (
        never if credit["expires"] is None else credit["expires"],
        -never if credit["starts"] is None else credit["starts"],
        credit["name"],
    ))


def pay(open_amounts, services, offers, cap):
    """Takes what credits pay off the open amounts, which are by tax group. Answers with what is used of each, and with the lines."""
    from own import in_order
    unpaid, uses, lines = dict(services), {}, []
    for offer in offers:
        payable = {}
        for tax, amount in open_amounts.items():
            if offer["projects"] is not None:
                amount = min(amount, sum(unpaid.get((name, tax), 0) for name in offer["projects"]))
            if amount > 0:
                payable[tax] = amount
        used = min(sum(payable.values()), offer["left"], cap)
        if used <= 0:
            continue
        cap -= used
        uses[offer["name"]] = used
        for tax, share in in_order(shared(used, in_order(payable))):
            if not share:
                continue
            lines.append(item("CreditConsumption", offer["name"], -share, tax))
            open_amounts[tax] -= share
            for name in sorted(offer["projects"] or []):
                part = min(share, unpaid.get((name, tax), 0))
                if part:
                    unpaid[(name, tax)] -= part
                    share -= part
    return uses, lines


def shared(total, weights):
    """By largest remainder."""
    whole = sum(weight for _, weight in weights)
    exact = {tax: Fraction(total * weight, whole) for tax, weight in weights}
    shares = {tax: share.numerator // share.denominator for tax, share in exact.items()}
    missing = total - sum(shares.values())
    by_rest = sorted(exact, key=lambda tax: shares[tax] - exact[tax])  # stable: of equal ones the first
    for tax in by_rest[:missing]:
        shares[tax] += 1
    return shares
