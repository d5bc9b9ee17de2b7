"""What prepaid and granted money pays."""

from basics import item


def credits(month, net, projects):
    """Expiry, start, name; one that is limited to projects pays for what they cost, project by project."""
    usable = [
        credit
        for credit in month.given["credits"]
        if credit["currency"] == month.group["currency"]
        and (credit["starts"] is None or credit["starts"] < month.end)
        and (credit["expires"] is None or month.start < credit["expires"])
    ]
    never = float("inf")
    usable.sort(key=lambda credit: (
        never if credit["expires"] is None else credit["expires"],
        -never if credit["starts"] is None else credit["starts"],
        credit["name"],
    ))
    items, unpaid = [], dict(projects)
    for credit in usable:
        limits = credit["projects"]
        most = net if limits is None else min(net, sum(unpaid.get(name, 0) for name in limits))
        used = min(most, credit["left"])
        if used <= 0:
            continue
        items.append(item("CreditConsumption", credit["name"], -used))
        net -= used
        for name in sorted(limits or []):
            paid = min(used, unpaid.get(name, 0))
            if paid:
                unpaid[name] -= paid
                used -= paid
    return items
