"""The twenty conditions as OpenFisca variables: one vectorised formula each, over the whole population at once."""

from datetime import date

import numpy as np
from openfisca_core.entities import build_entity
from openfisca_core.indexed_enums import Enum
from openfisca_core.periods import ETERNITY, MONTH
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

Citizen = build_entity(key="citizen", plural="citizens", label="A citizen", is_person=True)


class Status(Enum):
    single = "single"
    married = "married"
    divorced = "divorced"
    widowed = "widowed"


class Household(Enum):
    none = "none"
    near_poor = "near_poor"
    poor = "poor"


# Codes as names of an enum, which OpenFisca keeps as small numbers.
Province = Enum("Province", {f"p{code:02}": f"p{code:02}" for code in range(1, 97)})

FACTS = {
    "age": int,
    "birth": date,
    "employed": bool,
    "expires": date,
    "household": Household,
    "months": int,
    "province": Province,
    "status": Status,
    "event_day": date,
    "event_months": int,
}


def months(day):
    """Months since January 1970, and the day of the month from 0."""
    month = day.astype("datetime64[M]")
    return month.astype(np.int64), (day - month.astype("datetime64[D]")).astype(np.int64)


def months_between(start, end):
    """Whole months completed; a month that lacks the day is completed on the 1st of the next."""
    (start_month, start_day), (end_month, end_day) = months(start), months(end)
    return end_month - start_month - (end_day < start_day)


def plus_months(day, count):
    """The same day of a later month, or its last."""
    month = day.astype("datetime64[M]")
    later = month + np.timedelta64(count, "M")
    last = (later + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    return np.minimum(later.astype("datetime64[D]") + (day - month.astype("datetime64[D]")), last)


def equals_any(values, *names):
    found = values == names[0]
    for name in names[1:]:
        found = found | (values == name)
    return found


P = Province
CONDITIONS = [
    lambda c: c("age") >= 18,
    lambda c: (c("age") >= 14) & (c("age") <= 25),
    lambda c: c("employed"),
    lambda c: ~c("employed") & (c("months") >= 12),
    lambda c: (c("months") >= 180) | (c("age") >= 60),
    lambda c: c("province") == P.p01,
    lambda c: equals_any(c("province"), P.p01, P.p79, P.p48, P.p31),
    lambda c: c("status") != Status.married,
    lambda c: c("household") != Household.poor,
    lambda c: equals_any(c("household"), Household.poor, Household.near_poor) & (c("age") >= 70),
    lambda c: c("birth") < np.datetime64("1966-01-01"),
    lambda c: c("event_day") >= np.datetime64("2026-07-01"),
    lambda c: c("event_day") <= c("expires") - np.timedelta64(60, "D"),
    lambda c: c("expires") < plus_months(c("event_day"), 8),
    lambda c: c("expires") - c("event_day") <= np.timedelta64(30, "D"),
    lambda c: c("age_in_months") >= 75 * 12,
    lambda c: c("age_in_months") < 72,
    lambda c: c("months") + c("event_months") >= 12,
    lambda c: np.where(c("employed"), c("months") >= 6, c("months") >= 12),
    lambda c: c("status") == Status.single,
]
# What several conditions need is a variable of its own, which OpenFisca computes once.
SHARED = {"age_in_months": lambda c: months_between(c("birth"), c("event_day"))}
NAMES = [f"condition_{number:02}" for number in range(1, len(CONDITIONS) + 1)]


def fact(name, kind):
    more = {"value_type": kind}
    if issubclass(kind, Enum):
        more = {"value_type": Enum, "possible_values": kind, "default_value": next(iter(kind))}
    return type(name, (Variable,), {**more, "entity": Citizen, "definition_period": ETERNITY, "label": name})


def computed(name, kind, formula):
    def run(citizens, period):
        return formula(lambda name: citizens(name, period))

    more = {"value_type": kind, "entity": Citizen, "definition_period": MONTH, "label": name, "formula": run}
    return type(name, (Variable,), more)


def system():
    rules = TaxBenefitSystem([Citizen])
    rules.add_variables(*(fact(name, kind) for name, kind in FACTS.items()))
    rules.add_variables(*(computed(name, int, formula) for name, formula in SHARED.items()))
    rules.add_variables(*(computed(name, bool, formula) for name, formula in zip(NAMES, CONDITIONS)))
    return rules
