"""The units of the synthetic records in base units: enough of UCUM (<https://ucum.org/ucum>) to say which amounts are equal."""

from decimal import Decimal

UCUM = "http://unitsofmeasure.org"
FACTORS = {
    "kg": ("g", "1000"), "g": ("g", "1"), "mg": ("g", "0.001"), "ug": ("g", "0.000001"), "t": ("g", "1000000"), "[lb_av]": ("g", "453.59237"),
    "mm[Hg]": ("Pa", "133.322387415"), "kPa": ("Pa", "1000"), "mmol/L": ("mmol/L", "1"), "a": ("s", "31557600"), "mo": ("s", "2629800"),
    "d": ("s", "86400"), "h": ("s", "3600"), "min": ("s", "60"), "mV": ("V", "0.001"),
}


def canonical(system, code, value):
    """The base unit, the value in it, and its factor."""
    if not code:
        return None
    if system != UCUM or code not in FACTORS:
        return f"{system}|{code}", value, Decimal(1)
    base, factor = FACTORS[code]
    return f"ucum|{base}", value * Decimal(factor), Decimal(factor)
