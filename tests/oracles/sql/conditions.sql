-- One condition a line, over what `edges` in compare.py makes rows of: what engines do differently.
age_years(subject.d1, event.time) >= 18
age_years(event.d, event.time) = 14
age_years(subject.d1, subject.d2) < 0
months_between(subject.d1, subject.d2) = 0
months_between(event.d, event.time) BETWEEN -1 AND 1
months_between(subject.d2, event.d) % 12 = 11
days_between(subject.d1, subject.d2) > 365
subject.d1 - subject.d2 = 1
subject.d1 + INTERVAL '1' MONTH = event.d
subject.d1 + INTERVAL '1' MONTH <= subject.d2
subject.d1 + INTERVAL '1' YEAR > event.time
subject.d2 - INTERVAL '6' MONTH < subject.d1
event.d - INTERVAL '18' YEAR >= subject.d1
event.d + INTERVAL '30' DAY >= event.time
subject.d1 - INTERVAL '45' DAY < subject.d2
INTERVAL '13' MONTH + subject.d1 = subject.d2
subject.d1 + INTERVAL '1' MONTH + INTERVAL '1' MONTH = subject.d1 + INTERVAL '2' MONTH
subject.d1 + INTERVAL '1' DAY IS NULL
age_years(subject.d1 + INTERVAL '1' MONTH, event.time) IS NULL
add_days(subject.d1, subject.a) > event.time
add_months(subject.d1, subject.a) = subject.d2
add_months(event.d, subject.b) < event.time
add_years(subject.d1, subject.a) <= event.time
add_years(subject.d1, 18) = subject.d2
add_years(event.d, subject.a) IS NULL
add_days(subject.d2, subject.b) IS NULL
subject.a + subject.b > 10
subject.a - subject.b < 0
subject.a * subject.b >= 0
subject.a / subject.b = 2
subject.a / 7 = -1
subject.a % subject.b = 0
subject.a % 5 < 0
-subject.a > 0
(subject.a + subject.b) - subject.b = subject.a
subject.a * 2 / 2 = subject.a
subject.a + subject.b IS NULL
subject.a / subject.b IS NULL
subject.a = -9223372036854775808
subject.a IN (1, 2, NULL)
subject.a NOT IN (1, 2, NULL)
subject.a IN (subject.b, 7)
subject.a NOT IN (3, subject.b)
subject.d1 IN (DATE '2024-02-29', DATE '2023-12-31', event.d)
subject.t1 IN ('a', 'B', 'ế')
subject.t1 = subject.t2
subject.t1 < subject.t2
subject.t1 >= 'a'
subject.t1 BETWEEN 'B' AND subject.t2
subject.t1 NOT BETWEEN 'a' AND 'z'
subject.t1 = 'it''s "quoted"'
subject.a BETWEEN subject.b AND 10
subject.d1 NOT BETWEEN subject.d2 AND event.d
subject.f AND subject.g
subject.f OR subject.g
NOT subject.f OR NOT subject.g
subject.f = subject.g
subject.f <> (subject.a > 0)
(subject.a > 0 OR NULL) AND subject.f
subject.f IS TRUE
subject.f IS NOT TRUE
subject.f IS FALSE OR subject.g IS NOT FALSE
(subject.a > subject.b) IS UNKNOWN
(subject.f AND subject.a > 0) IS NOT NULL
COALESCE(subject.a, subject.b, 0) > 5
COALESCE(subject.t1, subject.t2) = 'a'
COALESCE(subject.d1, event.d) < event.time
COALESCE(subject.f, FALSE) OR COALESCE(subject.a, 1) = 1
CASE WHEN subject.a > 0 THEN subject.f WHEN subject.b > 0 THEN subject.g ELSE FALSE END
CASE WHEN subject.a > subject.b THEN subject.d1 ELSE subject.d2 END > event.time
CASE subject.t1 WHEN 'a' THEN 1 WHEN subject.t2 THEN 2 END = 1
CASE subject.a WHEN NULL THEN TRUE WHEN 1 THEN FALSE ELSE NULL END
CASE WHEN subject.b <> 0 THEN subject.a / subject.b ELSE 0 END > 1
CASE WHEN subject.t1 = 'a' THEN subject.t2 ELSE subject.t1 END > 'B'
subject.spouse.d1 > subject.d1 AND citizen.a > 0
citizen.d1 < event.time OR subject.spouse.f
event.n > 3 AND event.text = 'a'
event.time > DATE '2024-02-28' AND event.time <= DATE '2024-03-01'
subject.a IS NULL OR subject.d1 IS NOT NULL AND NOT (subject.t1 IS NULL)
TRUE
NULL
1 / 0 = 1
