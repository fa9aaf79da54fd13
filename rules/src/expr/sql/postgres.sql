-- What the conditions call. Faults are NULL; dates are those from 0001-01-01 to 9999-12-31.
CREATE OR REPLACE FUNCTION tidings_date(d date) RETURNS date LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN d BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN d END $$;
CREATE OR REPLACE FUNCTION tidings_int(n numeric) RETURNS bigint LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN n BETWEEN -9223372036854775808 AND 9223372036854775807 THEN n::bigint END $$;
CREATE OR REPLACE FUNCTION tidings_add(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
  $$ SELECT tidings_int(a::numeric + b::numeric) $$;
CREATE OR REPLACE FUNCTION tidings_sub(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
  $$ SELECT tidings_int(a::numeric - b::numeric) $$;
CREATE OR REPLACE FUNCTION tidings_mul(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
  $$ SELECT tidings_int(a::numeric * b::numeric) $$;
CREATE OR REPLACE FUNCTION tidings_div(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
  $$ SELECT tidings_int(div(a::numeric, nullif(b, 0)::numeric)) $$;
CREATE OR REPLACE FUNCTION tidings_rem(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
  $$ SELECT mod(a::numeric, nullif(b, 0)::numeric)::bigint $$;
-- A month is completed on the day of the month it began on, else on the 1st of the next.
CREATE OR REPLACE FUNCTION tidings_months_between(a date, b date) RETURNS bigint LANGUAGE sql IMMUTABLE AS
  $$ SELECT ((extract(year FROM tidings_date(b)) - extract(year FROM tidings_date(a))) * 12
    + extract(month FROM b) - extract(month FROM a)
    - CASE WHEN extract(day FROM b) < extract(day FROM a) THEN 1 ELSE 0 END)::bigint $$;
-- Born on 29 February, a year is completed on 1 March of a common year.
CREATE OR REPLACE FUNCTION tidings_age_years(a date, b date) RETURNS bigint LANGUAGE sql IMMUTABLE AS
  $$ SELECT (extract(year FROM tidings_date(b)) - extract(year FROM tidings_date(a))
    - CASE WHEN (extract(month FROM b), extract(day FROM b)) < (extract(month FROM a), extract(day FROM a))
      THEN 1 ELSE 0 END)::bigint $$;
CREATE OR REPLACE FUNCTION tidings_days_between(a date, b date) RETURNS bigint LANGUAGE sql IMMUTABLE AS
  $$ SELECT (b - a)::bigint $$;
CREATE OR REPLACE FUNCTION tidings_add_days(d date, n bigint) RETURNS date LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN n BETWEEN -3652059 AND 3652059 THEN tidings_date(d + n::integer) END $$;
-- The day of the month, or the last of a shorter one.
CREATE OR REPLACE FUNCTION tidings_add_months(d date, n bigint) RETURNS date LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN n BETWEEN -120000 AND 120000
    THEN tidings_date((tidings_date(d) + make_interval(months => n::integer))::date) END $$;
-- Completes so many years: 29 February becomes 1 March where the year has no such day.
CREATE OR REPLACE FUNCTION tidings_add_years(d date, n bigint) RETURNS date LANGUAGE sql IMMUTABLE AS
  $$ SELECT tidings_add_days(tidings_add_months(d, tidings_mul(n, 12)),
    CASE WHEN extract(day FROM tidings_add_months(d, tidings_mul(n, 12))) < extract(day FROM d)
      THEN 1 ELSE 0 END) $$;
-- Monday to Friday; the day itself never counts.
CREATE OR REPLACE FUNCTION tidings_add_working_days(d date, n integer) RETURNS date LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN n = 0 THEN d ELSE
    tidings_add_days(d, (n / 5 * 7 + n % 5 - greatest(extract(isodow FROM d) - 5, 0)
      + CASE WHEN least(extract(isodow FROM d), 5) + n % 5 > 5 THEN 2 ELSE 0 END)::integer) END $$;
CREATE OR REPLACE FUNCTION tidings_sub_working_days(d date, n integer) RETURNS date LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN n = 0 THEN d ELSE
    tidings_add_days(d, (CASE WHEN extract(isodow FROM d) > 5 THEN 8 - extract(isodow FROM d) ELSE 0 END
      - n / 5 * 7 - n % 5
      - CASE WHEN CASE WHEN extract(isodow FROM d) > 5 THEN 1 ELSE extract(isodow FROM d) END - n % 5 < 1
        THEN 2 ELSE 0 END)::integer) END $$;
