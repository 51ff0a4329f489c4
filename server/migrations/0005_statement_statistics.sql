-- What `videa doctor` and `videa db` read to name slow statements. Only where the server has loaded the library, and
-- never a reason to stop: many roles may not create extensions, and doctor then says how.
DO $$
BEGIN
    IF position('pg_stat_statements' IN current_setting('shared_preload_libraries')) > 0 THEN
        CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
        RAISE NOTICE 'pg_stat_statements was not created: %', SQLERRM;
END
$$;
