-- The backend's own role: it owns its schema, and nothing else. For psql as the superuser, as often as you like; takes over
-- what an earlier release made as the superuser.
\getenv role BACKEND_ROLE
\getenv password BACKEND_PASSWORD
SET client_min_messages = warning;
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';

-- A plain role may not create it (server/migrations/0005); `videa doctor` reads it as the superuser.
SELECT 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements'
WHERE position('pg_stat_statements' IN current_setting('shared_preload_libraries')) > 0 \gexec

ALTER SCHEMA public OWNER TO :"role";
-- Tables take their indexes and own sequences along. What belongs to an extension stays the superuser's.
SELECT format('ALTER %s public.%I OWNER TO %I',
              CASE kind.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
              kind.relname, :'role')
FROM pg_class AS kind
WHERE kind.relnamespace = 'public'::regnamespace AND kind.relkind IN ('r', 'p', 'v', 'm', 'S')
  AND kind.relowner <> (SELECT oid FROM pg_roles WHERE rolname = :'role')
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = kind.oid AND classid = 'pg_class'::regclass AND deptype IN ('e', 'a', 'i'))
\gexec
