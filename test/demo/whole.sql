-- Whether the days are whole, over all shops.
SELECT stream, basis, verdict, count(*) AS days, min(day) AS "from", max(day) AS "to", sum(reported) AS counted, sum(seen) AS seen, sum(repaired) AS repaired
FROM ordersync.completeness
GROUP BY stream, basis, verdict
ORDER BY stream, basis, verdict;
