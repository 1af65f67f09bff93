-- Where sealed values are, and the three things that exchanging keys may do with them. The role
-- sy_keeper (syctl seal) has no right on any table: it is told sealed values with their contexts, and
-- may put another sealed value in the place of exactly the one it was told. What it is told is of no
-- use without the key file; what it puts is checked by whoever opens it.
--
-- A walk goes over the pages of a table, a few at a time, so that every call is short however large
-- the table is. Rows that move meanwhile are met by the next walk. Run deploy/db/roles.sql before this.

CREATE SCHEMA seal;
CREATE TABLE seal.place (
    relation text PRIMARY KEY,
    holds    text NOT NULL, -- of a row t: SQL for an object, name to sealed value
    contexts text NOT NULL, -- of a row t: SQL for an object, name to context (see io/seal.h)
    puts     text NOT NULL  -- SET list; n.fresh is an object, name to the new value
);
INSERT INTO seal.place VALUES
('auth.account',
 $$jsonb_build_object('openid_sealed', t.openid_sealed)$$,
 $$jsonb_build_object('openid_sealed', 'openid/' || t.account_id)$$,
 $$openid_sealed = n.fresh->>'openid_sealed'$$),
('auth.identity',
 $$jsonb_build_object('phone_sealed', t.phone_sealed, 'card_sealed', t.card_sealed)$$,
 $$jsonb_build_object('phone_sealed', 'phone/' || t.phone_index, 'card_sealed', 'card/' || t.account_id)$$,
 $$phone_sealed = coalesce(n.fresh->>'phone_sealed', t.phone_sealed),
   card_sealed = coalesce(n.fresh->>'card_sealed', t.card_sealed)$$),
('identity.verification',
 $$jsonb_build_object('name_sealed', t.name_sealed, 'id_number_sealed', t.id_number_sealed)$$,
 $$jsonb_build_object('name_sealed', 'verification/' || t.verification_id,
                      'id_number_sealed', 'verification/' || t.verification_id)$$,
 $$name_sealed = coalesce(n.fresh->>'name_sealed', t.name_sealed),
   id_number_sealed = coalesce(n.fresh->>'id_number_sealed', t.id_number_sealed)$$),
('identity.binding',
 $$jsonb_build_object('phone_sealed', t.phone_sealed)$$,
 $$jsonb_build_object('phone_sealed', 'phone/' || t.phone_index)$$,
 $$phone_sealed = n.fresh->>'phone_sealed'$$),
('identity.outbox',
 $$jsonb_build_object('phone_sealed', t.value::jsonb->'phone_sealed', 'card_sealed', t.value::jsonb->'card_sealed')$$,
 $$jsonb_build_object('phone_sealed', 'phone/' || (t.value::jsonb->>'phone_index'),
                      'card_sealed', 'card/' || (t.value::jsonb->>'account_id'))$$,
 $$value = (t.value::jsonb || n.fresh)::text$$),
('roster.student',
 $$jsonb_build_object('ksh_sealed', t.ksh_sealed, 'sfzh_sealed', t.sfzh_sealed)$$,
 $$jsonb_build_object('ksh_sealed', 'ksh/' || t.document_index, 'sfzh_sealed', 'document/' || t.document_index)$$,
 $$ksh_sealed = coalesce(n.fresh->>'ksh_sealed', t.ksh_sealed),
   sfzh_sealed = coalesce(n.fresh->>'sfzh_sealed', t.sfzh_sealed)$$),
('roster.student_version',
 $$jsonb_build_object('ksh_sealed', t.old_row->'ksh_sealed', 'sfzh_sealed', t.old_row->'sfzh_sealed')$$,
 $$jsonb_build_object('ksh_sealed', 'ksh/' || (t.old_row->>'document_index'),
                      'sfzh_sealed', 'document/' || (t.old_row->>'document_index'))$$,
 $$old_row = t.old_row || n.fresh$$),
('intake.draft',
 $$jsonb_build_object('fields_sealed', t.fields_sealed)$$,
 $$jsonb_build_object('fields_sealed', t.student_id || '/draft')$$,
 $$fields_sealed = n.fresh->>'fields_sealed'$$),
('record.judgement',
 $$jsonb_build_object('knslbdm', t.knslbdm, 'rxqhkszdpcs', t.rxqhkszdpcs, 'sjhm', t.sjhm, 'dzyx', t.dzyx,
                      'qqhm', t.qqhm, 'jtdz', t.jtdz, 'jtdh', t.jtdh, 'jtyb', t.jtyb, 'jtlxr', t.jtlxr)$$,
 $$(SELECT jsonb_object_agg(f, t.student_id || '/' || upper(f))
      FROM unnest('{knslbdm,rxqhkszdpcs,sjhm,dzyx,qqhm,jtdz,jtdh,jtyb,jtlxr}'::text[]) f)$$,
 $$knslbdm = coalesce(n.fresh->>'knslbdm', t.knslbdm), rxqhkszdpcs = coalesce(n.fresh->>'rxqhkszdpcs', t.rxqhkszdpcs),
   sjhm = coalesce(n.fresh->>'sjhm', t.sjhm), dzyx = coalesce(n.fresh->>'dzyx', t.dzyx),
   qqhm = coalesce(n.fresh->>'qqhm', t.qqhm), jtdz = coalesce(n.fresh->>'jtdz', t.jtdz),
   jtdh = coalesce(n.fresh->>'jtdh', t.jtdh), jtyb = coalesce(n.fresh->>'jtyb', t.jtyb),
   jtlxr = coalesce(n.fresh->>'jtlxr', t.jtlxr)$$);

CREATE FUNCTION seal.is_sealed(value text) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS $$SELECT value ~ '^[a-z][0-9]\.[^.]{1,15}\.[A-Za-z0-9+/]+=*$'$$;

-- The tables and their pages now.
CREATE FUNCTION seal.places() RETURNS TABLE (relation text, pages bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$SELECT p.relation, pg_relation_size(p.relation::regclass) / current_setting('block_size')::bigint
           FROM seal.place p ORDER BY 1$$;

-- Sealed values in some pages by name and key id.
CREATE FUNCTION seal.tally(of_relation text, first_page bigint, page_count bigint)
    RETURNS TABLE (name text, key_id text, many bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE p seal.place;
BEGIN
    SELECT * INTO STRICT p FROM seal.place WHERE relation = of_relation;
    RETURN QUERY EXECUTE format(
        'SELECT h.key, split_part(h.value, ''.'', 2), count(*) FROM %s t, LATERAL jsonb_each_text(%s) h
          WHERE t.ctid >= $1 AND t.ctid < $2 AND seal.is_sealed(h.value) GROUP BY 1, 2', p.relation, p.holds)
        USING format('(%s,0)', first_page)::tid, format('(%s,0)', first_page + page_count)::tid;
END $$;

-- Sealed values in some pages that are under another key than this one.
CREATE FUNCTION seal.take(of_relation text, first_page bigint, page_count bigint, but_key_id text)
    RETURNS TABLE (place text, name text, context text, value text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE p seal.place;
BEGIN
    SELECT * INTO STRICT p FROM seal.place WHERE relation = of_relation;
    RETURN QUERY EXECUTE format(
        'SELECT t.ctid::text, h.key, c.contexts->>h.key, h.value
           FROM %s t, LATERAL jsonb_each_text(%s) h, LATERAL (SELECT %s AS contexts) c
          WHERE t.ctid >= $1 AND t.ctid < $2 AND seal.is_sealed(h.value) AND split_part(h.value, ''.'', 2) <> $3',
        p.relation, p.holds, p.contexts)
        USING format('(%s,0)', first_page)::tid, format('(%s,0)', first_page + page_count)::tid, but_key_id;
END $$;

-- Compare and set: a row is changed only if it still holds every value it was told with. Returns how
-- many rows were.
CREATE FUNCTION seal.put(of_relation text, places text[], names text[], olds text[], news text[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p seal.place;
    many bigint;
BEGIN
    SELECT * INTO STRICT p FROM seal.place WHERE relation = of_relation;
    IF EXISTS (SELECT FROM unnest(olds || news) v WHERE seal.is_sealed(v) IS NOT TRUE) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'not a sealed value';
    END IF;
    EXECUTE format(
        'UPDATE %s t SET %s
           FROM (SELECT g.place::tid AS place, jsonb_object_agg(g.name, g.old) AS old,
                        jsonb_object_agg(g.name, g.fresh) AS fresh
                   FROM unnest($1, $2, $3, $4) AS g (place, name, old, fresh) GROUP BY 1) n
          WHERE t.ctid = n.place AND %s @> n.old', p.relation, p.puts, p.holds)
        USING places, names, olds, news;
    GET DIAGNOSTICS many = ROW_COUNT;
    RETURN many;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA seal FROM PUBLIC;
GRANT USAGE ON SCHEMA seal TO sy_keeper;
GRANT EXECUTE ON FUNCTION seal.places(), seal.tally(text, bigint, bigint), seal.take(text, bigint, bigint, text),
                          seal.put(text, text[], text[], text[], text[]) TO sy_keeper;
