-- The judge's verdict, and the first differences if there are any.
SELECT truth.work_out() \g /dev/null
SELECT tab AS "table", rows_of_truth, rows_stored, columns_compared, differences FROM truth.verdict();
SELECT count(*) > 0 AS differ FROM (SELECT FROM truth.differences() LIMIT 1) AS d \gset
\if :differ
SELECT tab, "column", count(*), min(id) AS for_example, min(expected) AS expected, min(stored) AS stored
FROM truth.differences() GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 20;
\endif
