-- Every day of two centuries, whether people work on it, and the working days so far.
DROP TABLE IF EXISTS tidings_workdays CASCADE;
CREATE TABLE tidings_workdays AS
  SELECT day, works, sum(works) OVER (ORDER BY day) AS nth FROM (
    SELECT d::date AS day,
      CASE WHEN d::date IN ({off}) THEN CASE WHEN extract(isodow FROM d) > 5 AND d::date IN ({working}) THEN 1 ELSE 0 END
        WHEN extract(isodow FROM d) <= 5 OR d::date IN ({working}) THEN 1 ELSE 0 END AS works
    FROM generate_series(DATE '1950-01-01', DATE '2149-12-31', INTERVAL '1 day') AS days(d)) AS each;
CREATE INDEX ON tidings_workdays (day);
CREATE INDEX ON tidings_workdays (nth);
CREATE OR REPLACE FUNCTION tidings_add_working_days(d date, n integer) RETURNS date LANGUAGE sql STABLE AS
  $$ SELECT CASE WHEN n = 0 THEN d ELSE
    (SELECT min(t.day) FROM tidings_workdays t JOIN tidings_workdays f ON t.nth = f.nth + n WHERE f.day = d) END $$;
CREATE OR REPLACE FUNCTION tidings_sub_working_days(d date, n integer) RETURNS date LANGUAGE sql STABLE AS
  $$ SELECT CASE WHEN n = 0 THEN d ELSE
    (SELECT min(t.day) FROM tidings_workdays t JOIN tidings_workdays f ON t.nth = f.nth - f.works - n + 1
      WHERE f.day = d) END $$;
