-- Counts how often the reason for an account's authority has ended: another role, a new password, signed out everywhere.
-- A token or a session says under which number it was given, and is worth nothing under the next.
ALTER TABLE users
    ADD COLUMN authority integer NOT NULL DEFAULT 0,
    ADD COLUMN authority_ended_at timestamptz;

CREATE INDEX users_authority_ended ON users (authority_ended_at) WHERE authority_ended_at IS NOT NULL;
