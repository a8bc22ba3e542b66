/*
 * Text that was typed, or pasted, as an argument.
 */
/*
 * What people paste has line ends, blanks and characters that nobody sees around
 * it.  They are taken off and said; inside they are refused, where nobody means
 * them.  The value itself is in no message: it may be a secret.
 */
CREATE OR REPLACE FUNCTION ordersync.clean_typed(p_what text, p_value text, p_max integer)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	c_space constant text := E'[\\s\\u0085\\u00A0\\u1680\\u2000-\\u200F\\u2028-\\u202F\\u205F-\\u2064\\u3000\\uFEFF]';
	v_value text := p_value;
BEGIN
	-- what is far too long is not even looked at
	IF pg_catalog.length(p_value) <= p_max + 1000 THEN
		v_value := pg_catalog.regexp_replace(p_value, '^' || c_space || '+', '');
		v_value := pg_catalog.regexp_replace(v_value, c_space || '+$', '');
	END IF;
	IF pg_catalog.length(v_value) > p_max THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('%s is too long', p_what),
			DETAIL = pg_catalog.format('It has %s characters; the maximum is %s.', pg_catalog.length(v_value), p_max),
			HINT = 'Check the pasted value.';
	END IF;
	IF v_value ~ E'[\\u0001-\\u001F\\u007F-\\u009F\\u200B-\\u200F\\u2028-\\u202E\\u2060-\\u2064\\uFEFF]' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('%s contains a line end or another invisible character', p_what),
			HINT = 'Check the pasted value.';
	END IF;
	IF v_value <> p_value AND v_value <> '' THEN
		RAISE NOTICE USING
			MESSAGE = pg_catalog.format('white space around %s was removed', p_what);
	END IF;
	RETURN v_value;
END
$function$;
COMMENT ON FUNCTION ordersync.clean_typed(text, text, integer) IS
	'an input value without surrounding white space; raises an error if it is too long or contains invisible characters';

CREATE OR REPLACE FUNCTION ordersync.clean_secret(p_what text, p_value text)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_value text := ordersync.clean_typed(p_what, p_value, 1024);
BEGIN
	IF v_value ~ E'[\\s\\u00A0\\u2000-\\u200A\\u202F\\u205F\\u3000]' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('%s contains white space', p_what),
			HINT = 'Check the pasted value.';
	END IF;
	RETURN v_value;
END
$function$;
COMMENT ON FUNCTION ordersync.clean_secret(text, text) IS
	'a key or secret without surrounding white space; raises an error for white space inside';
