-- Applies records of shop 7 as the worker does; answers new/changed/unchanged.
CREATE FUNCTION pg_temp.put(p_source text, VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'tid')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests,
			array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_orders(7, p_source, 70, 700, p.ids, p.modified, p.digests, p.bodies) a
$$;
CREATE FUNCTION pg_temp.put_refund(p_source text, VARIADIC p_records text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT array_agg((r::jsonb ->> 'refund_id')::bigint) AS ids,
			array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
			array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests,
			array_agg(r) AS bodies
		FROM unnest(p_records) AS r
	) p,
		ordersync.apply_after_sales(7, p_source, 71, 710, p.ids, p.modified, p.digests, p.bodies) a
$$;
