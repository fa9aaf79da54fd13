-- Every day of two centuries, whether people work on it, and the working days so far.
CREATE OR REPLACE TABLE tidings_workdays AS
  SELECT day, works, sum(works) OVER (ORDER BY day) AS nth FROM (
    SELECT CAST(d AS DATE) AS day,
      CASE WHEN CAST(d AS DATE) IN ({off}) THEN CASE WHEN isodow(d) > 5 AND CAST(d AS DATE) IN ({working}) THEN 1 ELSE 0 END
        WHEN isodow(d) <= 5 OR CAST(d AS DATE) IN ({working}) THEN 1 ELSE 0 END AS works
    FROM generate_series(DATE '1950-01-01', DATE '2149-12-31', INTERVAL 1 DAY) AS days(d));
CREATE OR REPLACE MACRO tidings_add_working_days(d, n) AS CASE WHEN n = 0 THEN d ELSE
  (SELECT min(t.day) FROM tidings_workdays t JOIN tidings_workdays f ON t.nth = f.nth + n WHERE f.day = d) END;
CREATE OR REPLACE MACRO tidings_sub_working_days(d, n) AS CASE WHEN n = 0 THEN d ELSE
  (SELECT min(t.day) FROM tidings_workdays t JOIN tidings_workdays f ON t.nth = f.nth - f.works - n + 1
    WHERE f.day = d) END;
