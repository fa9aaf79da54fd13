//! The twenty conditions, for Tidings and for zen-engine. Those of the others stand in their own folders.

/// How many.
pub const COUNT: usize = 20;

/// Tidings' text is the one of `benches/rules.rs`. Zen's calendar is asked only where there is no other way: it gets
/// every date twice, as its own date (`birth`) and as days since 1970 (`birth_days`). Completed years and months are
/// asked backwards (`birth <= day.sub(75, 'year')`), which means the same to the day and is one call instead of seven.
pub const CONDITIONS: [(&str, &str); COUNT] = [
    ("citizen.age >= 18", "age >= 18"),
    ("citizen.age BETWEEN 14 AND 25", "age >= 14 and age <= 25"),
    ("citizen.employed", "employed"),
    ("NOT citizen.employed AND citizen.months >= 12", "not employed and months >= 12"),
    ("citizen.months >= 180 OR citizen.age >= 60", "months >= 180 or age >= 60"),
    ("citizen.province = '01'", "province == '01'"),
    ("citizen.province IN ('01', '79', '48', '31')", "province in ['01', '79', '48', '31']"),
    ("citizen.status <> 'married'", "status != 'married'"),
    ("COALESCE(citizen.household, 'none') <> 'poor'", "(household ?? 'none') != 'poor'"),
    (
        "citizen.household IN ('poor', 'near_poor') AND citizen.age >= 70",
        "household in ['poor', 'near_poor'] and age >= 70",
    ),
    ("citizen.birth < DATE '1966-01-01'", "birth_days < -1461"),
    ("event.day >= DATE '2026-07-01'", "event_day_days >= 20635"),
    ("event.day <= citizen.expires - INTERVAL '60' DAY", "event_day_days <= expires_days - 60"),
    (
        "citizen.expires IS NOT NULL AND citizen.expires < event.day + INTERVAL '8' MONTH",
        "expires != null and expires < event_day.add(8, 'month')",
    ),
    ("days_between(event.day, citizen.expires) <= 30", "expires_days - event_day_days <= 30"),
    ("age_years(citizen.birth, event.day) >= 75", "birth <= event_day.sub(75, 'year')"),
    ("months_between(citizen.birth, event.day) < 72", "birth > event_day.sub(72, 'month')"),
    ("citizen.months + event.months >= 12", "months + event_months >= 12"),
    (
        "CASE WHEN citizen.employed THEN citizen.months >= 6 ELSE citizen.months >= 12 END",
        "employed ? months >= 6 : months >= 12",
    ),
    ("citizen.status IS NULL OR citizen.status = 'single'", "status == null or status == 'single'"),
];
