-- What the conditions call. Faults are NULL; dates are those from 0001-01-01 to 9999-12-31.
CREATE OR REPLACE MACRO tidings_date(d) AS
  CASE WHEN d BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN d END;
CREATE OR REPLACE MACRO tidings_add(a, b) AS TRY(CAST(a AS BIGINT) + CAST(b AS BIGINT));
CREATE OR REPLACE MACRO tidings_sub(a, b) AS TRY(CAST(a AS BIGINT) - CAST(b AS BIGINT));
CREATE OR REPLACE MACRO tidings_mul(a, b) AS TRY(CAST(a AS BIGINT) * CAST(b AS BIGINT));
CREATE OR REPLACE MACRO tidings_div(a, b) AS TRY(CAST(a AS BIGINT) // CAST(b AS BIGINT));
CREATE OR REPLACE MACRO tidings_rem(a, b) AS TRY(CAST(a AS BIGINT) % CAST(b AS BIGINT));
-- A month is completed on the day of the month it began on, else on the 1st of the next.
CREATE OR REPLACE MACRO tidings_months_between(a, b) AS
  (year(tidings_date(b)) - year(tidings_date(a))) * 12 + month(b) - month(a)
  - CASE WHEN day(b) < day(a) THEN 1 ELSE 0 END;
-- Born on 29 February, a year is completed on 1 March of a common year.
CREATE OR REPLACE MACRO tidings_age_years(a, b) AS
  year(tidings_date(b)) - year(tidings_date(a))
  - CASE WHEN month(b) * 100 + day(b) < month(a) * 100 + day(a) THEN 1 ELSE 0 END;
CREATE OR REPLACE MACRO tidings_days_between(a, b) AS date_diff('day', a, b);
CREATE OR REPLACE MACRO tidings_add_days(d, n) AS tidings_date(TRY(CAST(d AS DATE) + CAST(n AS INTEGER)));
-- The day of the month, or the last of a shorter one.
CREATE OR REPLACE MACRO tidings_add_months(d, n) AS
  tidings_date(TRY(CAST(tidings_date(d) + to_months(CAST(n AS INTEGER)) AS DATE)));
-- Completes so many years: 29 February becomes 1 March where the year has no such day.
CREATE OR REPLACE MACRO tidings_add_years(d, n) AS
  tidings_add_days(tidings_add_months(d, tidings_mul(n, 12)),
    CASE WHEN day(tidings_add_months(d, tidings_mul(n, 12))) < day(d) THEN 1 ELSE 0 END);
-- Monday to Friday; the day itself never counts.
CREATE OR REPLACE MACRO tidings_add_working_days(d, n) AS CASE WHEN n = 0 THEN d ELSE
  tidings_add_days(d, n // 5 * 7 + n % 5 - greatest(isodow(d) - 5, 0)
    + CASE WHEN least(isodow(d), 5) + n % 5 > 5 THEN 2 ELSE 0 END) END;
CREATE OR REPLACE MACRO tidings_sub_working_days(d, n) AS CASE WHEN n = 0 THEN d ELSE
  tidings_add_days(d, CASE WHEN isodow(d) > 5 THEN 8 - isodow(d) ELSE 0 END - n // 5 * 7 - n % 5
    - CASE WHEN CASE WHEN isodow(d) > 5 THEN 1 ELSE isodow(d) END - n % 5 < 1 THEN 2 ELSE 0 END) END;
