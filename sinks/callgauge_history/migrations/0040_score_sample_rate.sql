-- Judges look at a sample of the calls, and heuristics at those whose content was sent: each score says of what share.
ALTER TABLE scores ADD COLUMN IF NOT EXISTS sample_rate Float64 DEFAULT 1
    COMMENT 'share of calls that are judged: each row stands for 1 / sample_rate' AFTER comment;

CREATE OR REPLACE VIEW scores_final AS
SELECT * FROM scores FINAL;
