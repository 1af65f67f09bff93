-- How far an import of a school roll has come: a file of more rows than one piece is written piece by
-- piece, and who imports the same file again after a break goes on behind the last piece.

CREATE TABLE roster.import (
    import_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_index  text NOT NULL,                  -- keyed hash of the file
    started_at  timestamptz NOT NULL DEFAULT now(),
    resumed     integer NOT NULL DEFAULT 0,
    rows_done   bigint NOT NULL DEFAULT 0,      -- of the file, refused ones among them
    added       bigint NOT NULL DEFAULT 0,
    changed     bigint NOT NULL DEFAULT 0,
    unchanged   bigint NOT NULL DEFAULT 0,
    finished_at timestamptz
);
CREATE UNIQUE INDEX import_unfinished ON roster.import (file_index) WHERE finished_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON roster.import TO sy_office;

-- One index for both: who looks for a document at any school, and what an import meets its rows by.
CREATE UNIQUE INDEX student_key ON roster.student (document_index, yxdm);
ALTER TABLE roster.student DROP CONSTRAINT student_yxdm_document_index_key;
DROP INDEX roster.student_document;
