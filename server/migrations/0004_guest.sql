-- What is written without signing in (GUEST_WRITES) belongs to this account. Nobody can sign in as it: no password has this hash.
INSERT INTO users (id, email, password_hash) OVERRIDING SYSTEM VALUE VALUES (0, 'guest', 'none') ON CONFLICT DO NOTHING;
