CREATE TABLE titles (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    original_title text CHECK (length(original_title) <= 200),
    year smallint NOT NULL CHECK (year BETWEEN 1888 AND 2100),
    runtime_minutes smallint CHECK (runtime_minutes BETWEEN 1 AND 1000),
    genres text[] NOT NULL DEFAULT '{}',
    director text CHECK (length(director) <= 200),
    language text CHECK (language ~ '^[a-z]{2}$'),
    age_rating text CHECK (length(age_rating) <= 10),
    synopsis text CHECK (length(synopsis) <= 4000),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- 'simple': titles come in many languages, so no stemming of any one of them.
    search tsvector GENERATED ALWAYS AS (
        to_tsvector('simple', title || ' ' || coalesce(original_title, '') || ' ' || coalesce(director, ''))
    ) STORED
);

CREATE INDEX titles_search ON titles USING gin (search);
CREATE INDEX titles_genres ON titles USING gin (genres);
CREATE INDEX titles_year ON titles (year, id);

-- Which seed rows are there, so that seeding twice adds nothing.
CREATE TABLE seeded_titles (
    number integer PRIMARY KEY,
    title_id bigint NOT NULL REFERENCES titles (id) ON DELETE CASCADE
);
