-- The judge's verdict, and the first differences if there are any.
SELECT truth.work_out() \g /dev/null
CREATE TEMP TABLE found AS SELECT * FROM truth.differences();
SELECT s.tab AS "table", s.rows_of_truth, s.rows_stored, s.columns_compared,
	(SELECT count(*) FROM found AS f WHERE f.tab = s.tab) AS differences
FROM truth.sizes AS s
ORDER BY s.place;
SELECT count(*) > 0 AS differ FROM found \gset
\if :differ
SELECT tab, "column", count(*), min(id) AS for_example, min(expected) AS expected, min(stored) AS stored
FROM found
GROUP BY 1, 2
ORDER BY 3 DESC
LIMIT 20;
\endif
