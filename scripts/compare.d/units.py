"""The units of the synthetic records in base units: enough of UCUM (<https://ucum.org/ucum>) to say which amounts are equal."""

from decimal import Decimal


class Undecided(Exception):
    """The spec does not say."""


UCUM = "http://unitsofmeasure.org"
FACTORS = {
    "kg": ("g", "1000"), "g": ("g", "1"), "mg": ("g", "0.001"), "ug": ("g", "0.000001"), "t": ("g", "1000000"), "[lb_av]": ("g", "453.59237"),
    "mm[Hg]": ("Pa", "133.322387415"), "kPa": ("Pa", "1000"), "mmol/L": ("mmol/L", "1"), "a": ("s", "31557600"), "mo": ("s", "2629800"),
    "d": ("s", "86400"), "h": ("s", "3600"), "min": ("s", "60"), "mV": ("V", "0.001"),
    "cm": ("m", "0.01"), "[in_i]": ("m", "0.0254"), "mL": ("m3", "0.000001"), "ml": ("m3", "0.000001"),
    # Of the records' units nothing else is of the same dimension.
    **{code: (code, "1") for code in ("Cel", "{score}", "U", "[IU]", "meq", "10*12/L", "/min", "mL/min/{1.73_m2}", "kg/m2", "g/dL")},
}


def canonical(system, code, value):
    """The base unit, the value in it, and its factor."""
    if not code:
        return None
    if system != UCUM:
        return f"{system}|{code}", value, Decimal(1)
    if code not in FACTORS:
        raise Undecided(f"the unit {code}")
    base, factor = FACTORS[code]
    return f"ucum|{base}", value * Decimal(factor), Decimal(factor)
