-- One variant of test/bench/apply: both pictures into empty tables, then the second once more, measured. psql variables: variant, tick.
SET client_min_messages = warning;
CALL bench.become(:'variant');
CHECKPOINT;
SELECT pg_backend_pid() AS pid \gset
\setenv BACKEND :pid
\setenv TICK :tick

\set picture new
SELECT clock_timestamp() AS began, pg_current_wal_insert_lsn() AS lsn \gset
\set cpu `awk -v tick=$TICK '{ sub(/^.*\) /, ""); print ($12 + $13) * 1000 / tick }' /proc/$BACKEND/stat`
CALL bench.store(:'picture');
\set cpu_after `awk -v tick=$TICK '{ sub(/^.*\) /, ""); print ($12 + $13) * 1000 / tick }' /proc/$BACKEND/stat`
INSERT INTO bench.measured
SELECT :'variant', :'picture', sum(cardinality(ids)), extract(epoch FROM clock_timestamp() - :'began'), :cpu_after - :cpu,
	pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'lsn')
FROM bench.pages
WHERE picture = :'picture';

\set picture changed
SELECT clock_timestamp() AS began, pg_current_wal_insert_lsn() AS lsn \gset
\set cpu `awk -v tick=$TICK '{ sub(/^.*\) /, ""); print ($12 + $13) * 1000 / tick }' /proc/$BACKEND/stat`
CALL bench.store(:'picture');
\set cpu_after `awk -v tick=$TICK '{ sub(/^.*\) /, ""); print ($12 + $13) * 1000 / tick }' /proc/$BACKEND/stat`
INSERT INTO bench.measured
SELECT :'variant', :'picture', sum(cardinality(ids)), extract(epoch FROM clock_timestamp() - :'began'), :cpu_after - :cpu,
	pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'lsn')
FROM bench.pages
WHERE picture = :'picture';

-- the second picture again: nothing has changed
\set picture again
SELECT clock_timestamp() AS began, pg_current_wal_insert_lsn() AS lsn \gset
\set cpu `awk -v tick=$TICK '{ sub(/^.*\) /, ""); print ($12 + $13) * 1000 / tick }' /proc/$BACKEND/stat`
CALL bench.store('changed');
CALL bench.store('changed');
CALL bench.store('changed');
CALL bench.store('changed');
\set cpu_after `awk -v tick=$TICK '{ sub(/^.*\) /, ""); print ($12 + $13) * 1000 / tick }' /proc/$BACKEND/stat`
INSERT INTO bench.measured
SELECT :'variant', :'picture', 4 * sum(cardinality(ids)), extract(epoch FROM clock_timestamp() - :'began'), :cpu_after - :cpu,
	pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'lsn')
FROM bench.pages
WHERE picture = 'changed';
